"""Reading one power level, as integer or in the forms that old room versions tolerate."""

from __future__ import annotations

import re
from math import isfinite

from matrix_app.protocol.room_versions import RoomVersion

# "m.room.power_levels events accept values as strings": one integer in base 10, with a sign, leading
# zeroes and blanks around it if it likes.
_INTEGER = re.compile(r"[+-]?0*([0-9]+)")
# "... as floats": a value outside the range of a binary64 is refused.
_MAX = int(1.7976931348623157e308)
_MAX_DIGITS = len(str(_MAX))


def read_level(value: object, rules: RoomVersion) -> int | None:
    """The power level that `value` stands for in a room of these rules, or None if it is none."""
    if type(value) is int:
        # Versions with strict canonical JSON never see larger integers.
        return value if -_MAX <= value <= _MAX else None
    # From version 10: integers and nothing else.
    if rules.integer_power_levels:
        return None
    if isinstance(value, str):
        return _from_string(value)
    # Versions 1 to 5 do not hold events to canonical JSON, so floats occur; they are truncated.
    if isinstance(value, float) and not rules.strict_canonical_json and isfinite(value):
        return int(value)
    return None


def _from_string(value: str) -> int | None:
    text = value.strip()
    match = _INTEGER.fullmatch(text)
    if match is None or len(match[1]) > _MAX_DIGITS:
        return None
    level = -int(match[1]) if text[0] == "-" else int(match[1])
    return level if -_MAX <= level <= _MAX else None
