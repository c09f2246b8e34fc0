"""What may stand in a profile (PUT /profile/{userId}/{keyName})."""

from __future__ import annotations

import re
from typing import Any, Final

from appliance.config import get_config
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import InvalidParam, KeyTooLarge, ProfileTooLarge
from matrix_app.protocol.said import said

# The fields that member events and presence repeat.
SHOWN: Final = ("displayname", "avatar_url")
MAX_KEY_BYTES: Final = 255
MAX_LENGTHS: Final = {"displayname": 256, "avatar_url": 1000, "m.tz": 255}
# "The total profile MUST be under 64 KiB."
MAX_PROFILE_BYTES: Final = 65_535
# The Common Namespaced Identifier Grammar.
_KEY: Final = re.compile(r"[a-z][a-z0-9_.-]*")


def checked_name(field: str) -> str:
    """The name of a field, if it may be one; raises `KeyTooLarge` or `InvalidParam`."""
    if len(field.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
        raise KeyTooLarge("The name of a profile field may have 255 bytes")
    if not _KEY.fullmatch(field):
        raise InvalidParam("Not a valid name of a profile field")
    return field


def checked_field(field: str, value: Any) -> Any:
    """The value of a field, if it may have it."""
    checked_name(field)
    longest = MAX_LENGTHS.get(field)
    if longest is None:
        return value
    if value is None and field != "m.tz":
        return ""
    if not isinstance(value, str) or "\x00" in value:
        raise InvalidParam(said("{field} must be a string", field=field))
    if len(value) > longest:
        raise InvalidParam(said("{field} may have at most {count} characters", field=field, count=longest))
    # That `avatar_url` is an MXC URI is left to clients, as on every server: some set other strings.
    return value


def refuse_too_large(fields: dict[str, Any]) -> None:
    """Raise `ProfileTooLarge` for a profile that is larger than allowed."""
    most = min(get_config().limits.profile_bytes, MAX_PROFILE_BYTES)
    if len(encode_canonical(fields, lenient=True)) > most:
        raise ProfileTooLarge(said("A profile may have {size} bytes", size=most))
