"""What the authorisation rules ask of identifiers: the domain of one, and whether a user ID is valid."""

from __future__ import annotations

import re

# Appendices, "Historical User IDs": events may be sent by users whose localpart has any characters but
# `:` and NUL, or none at all. The server name keeps to its grammar.
_USER_ID = re.compile(
    r"@[^:\x00\ud800-\udfff]*:(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]{1,255})(?::[0-9]{1,5})?"
)
_MAX_BYTES = 255


def domain_of(identifier: str) -> str:
    """What follows the first colon of an identifier; empty if there is none."""
    return identifier.partition(":")[2]


def is_user_id(value: object) -> bool:
    """Whether `value` is a user ID that may send events, historical ones included."""
    if not isinstance(value, str) or _USER_ID.fullmatch(value) is None:
        return False
    return len(value) * 4 <= _MAX_BYTES or len(value.encode()) <= _MAX_BYTES
