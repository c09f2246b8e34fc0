"""Identifiers and their grammar ("Identifier Grammar" in the appendices of the specification).

The types are plain strings to Python and different things to mypy. Each `parse_` function takes what came
from outside and returns it as its type, unchanged, or raises `InvalidParam`. They run on every request:
compiled expressions, no objects.
"""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Final, NamedTuple, NewType

from matrix_app.protocol.errors import InvalidParam, InvalidUsername

if TYPE_CHECKING:
    from matrix_app.protocol.room_versions import RoomVersion

ServerName = NewType("ServerName", str)
UserId = NewType("UserId", str)
RoomId = NewType("RoomId", str)
RoomAlias = NewType("RoomAlias", str)
EventId = NewType("EventId", str)
DeviceId = NewType("DeviceId", str)

MAX_ID_BYTES: Final = 255

# The grammar's dns-char, in labels that are not empty: names such as ".." belong to no host and would be
# paths to whoever files media by server.
_SERVER_NAME: Final = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|(?=[^:]{1,255}(?::|\Z))(?:[0-9A-Za-z-]+\.)*[0-9A-Za-z-]+\.?)"
    r"(?::(?P<port>[0-9]{1,5}))?"
)
_DOTTED_QUAD: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_LOCALPART: Final = re.compile(r"[0-9a-z._=/+-]+")
_PRINTABLE_LOCALPART: Final = re.compile(r"[\x21-\x39\x3b-\x7e]+")
_HASH_ID: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_HASH_ID_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{43}")
_OPAQUE_ID: Final = re.compile(r"[0-9A-Za-z._~-]{1,255}")
_NAMESPACED_ID: Final = re.compile(r"[a-z][a-z0-9_.-]{0,254}")
_MXC: Final = re.compile(r"mxc://(?P<server>[^/]+)/(?P<media>[A-Za-z0-9_-]{1,255})")
# The bytes that the suggested mapping of the appendices leaves alone.
_MAPPED_AS_IS: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789._-/+")


class Mxc(NamedTuple):
    """The two parts of an `mxc://` URI."""

    server_name: ServerName
    media_id: str

    def __str__(self) -> str:
        return f"mxc://{self.server_name}/{self.media_id}"


def parse_server_name(value: str) -> ServerName:
    """A server name: a DNS name, an IPv4 literal or a bracketed IPv6 literal, and maybe a port."""
    if not is_server_name(value):
        raise InvalidParam("Not a valid server name")
    return ServerName(value)


def is_server_name(value: str) -> bool:
    """Whether `value` has the grammar of a server name."""
    # The same few names come again and again, with each event and each user.
    return _is_known_server_name(value) if len(value) <= MAX_ID_BYTES else _is_server_name(value)


@lru_cache(maxsize=4096)
def _is_known_server_name(value: str) -> bool:
    return _is_server_name(value)


def _is_server_name(value: str) -> bool:
    match = _SERVER_NAME.fullmatch(value)
    if match is None:
        return False
    port = match["port"]
    if port is not None and int(port) > 65535:
        return False
    host = match["host"]
    if host[0] == "[":
        return _is_address(IPv6Address, host[1:-1])
    if host[-1].isdigit() and _DOTTED_QUAD.fullmatch(host):
        return all(int(number) <= 255 for number in host.split("."))
    return True


def parse_user_id(value: str, *, strict: bool = False) -> UserId:
    """A user ID of any server. `strict` demands the grammar that new user IDs have.

    Without it the historical grammar holds, which servers must accept: a localpart of anything but `:` and
    NUL, even of nothing.
    """
    localpart = _check_domain_id(value, "@", "user ID")
    if strict and not _LOCALPART.fullmatch(localpart):
        raise InvalidParam("The user ID has characters that new user IDs may not have")
    return UserId(value)


def is_user_id(value: str) -> bool:
    """Whether `value` has the grammar of user IDs, the historical one included."""
    try:
        parse_user_id(value)
    except InvalidParam:
        return False
    return True


def is_compliant_user_id(user_id: UserId) -> bool:
    """Whether a user ID may be shown to clients outside an event ("Historical User IDs")."""
    return _PRINTABLE_LOCALPART.fullmatch(localpart_of(user_id)) is not None


def new_user_id(localpart: str, server_name: ServerName) -> UserId:
    """The ID of a new local user; raises `InvalidUsername`."""
    if not _LOCALPART.fullmatch(localpart):
        raise InvalidUsername("User names are made of a-z, 0-9 and . _ = - / + only")
    user_id = f"@{localpart}:{server_name}"
    if len(user_id) > MAX_ID_BYTES:
        raise InvalidUsername("The user name is too long")
    return UserId(user_id)


def map_localpart(name: str, *, keep_case: bool = False) -> str:
    """A localpart for any name at all, by the mapping that the appendices suggest.

    `keep_case` keeps names apart that differ in case only, as bridges need.
    """
    if keep_case:
        name = re.sub(r"[A-Z_]", lambda match: "_" + match[0], name)
    lowered = re.sub(r"[A-Z]", lambda match: match[0].lower(), name)
    encoded = _utf8(lowered, "user name")
    return "".join(chr(byte) if byte in _MAPPED_AS_IS else f"={byte:02x}" for byte in encoded)


def parse_room_id(value: str) -> RoomId:
    """A room ID: `!localpart:domain`, or `!hash` as in version 12."""
    if not (value.startswith("!") and _HASH_ID.fullmatch(value, 1)):
        _check_domain_id(value, "!", "room ID")
    return RoomId(value)


def parse_room_alias(value: str) -> RoomAlias:
    """A room alias: `#localpart:domain`."""
    _check_domain_id(value, "#", "room alias")
    return RoomAlias(value)


def parse_event_id(value: str, rules: RoomVersion | None = None) -> EventId:
    """An event ID: opaque while the room's version is unknown, of the version's format otherwise."""
    if len(value) < 2 or value[0] != "$" or "\0" in value:
        raise InvalidParam("Not a valid event ID")
    _check_length(value, "event ID")
    if rules is None:
        return EventId(value)
    if rules.event_id_format == "domain":
        _check_domain_id(value, "$", "event ID")
    elif not (_HASH_ID if rules.event_id_format == "urlsafe" else _HASH_ID_BASE64).fullmatch(value, 1):
        raise InvalidParam("The event ID is not of the room version's format")
    return EventId(value)


def parse_device_id(value: str) -> DeviceId:
    """A device ID: opaque, chosen by clients; anything but nothing, NUL and more than 255 bytes."""
    if not value or "\0" in value:
        raise InvalidParam("Not a valid device ID")
    _check_length(value, "device ID")
    return DeviceId(value)


def parse_text(value: str) -> str:
    """Text that a database can keep and compare: anything but NUL."""
    if "\0" in value:
        raise InvalidParam("Text cannot have NUL characters here")
    return value


def parse_mxc(value: str) -> Mxc:
    """The parts of an `mxc://` URI, safe to be used as names of files and in URLs."""
    match = _MXC.fullmatch(value)
    if match is None or not is_server_name(match["server"]):
        raise InvalidParam("Not a valid mxc:// URI")
    return Mxc(ServerName(match["server"]), match["media"])


def parse_media_id(value: str) -> str:
    """The second part of an `mxc://` URI."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", value):
        raise InvalidParam("Not a valid media ID")
    return value


def parse_opaque_id(value: str) -> str:
    """An identifier of the "Opaque Identifier Grammar", such as a client secret or a session."""
    if not _OPAQUE_ID.fullmatch(value):
        raise InvalidParam("The identifier may have 1 to 255 of the characters 0-9 A-Z a-z - . _ ~ only")
    return value


def parse_namespaced_id(value: str) -> str:
    """An identifier of the "Common Namespaced Identifier Grammar", such as `m.login.password`."""
    if not _NAMESPACED_ID.fullmatch(value):
        raise InvalidParam("The identifier may have 1 to 255 of a-z 0-9 - _ . only, and a letter first")
    return value


def domain_of(identifier: str) -> ServerName:
    """The server that an identifier belongs to; raises `InvalidParam` when it names none."""
    _, colon, domain = identifier.partition(":")
    if not colon:
        raise InvalidParam("The identifier has no domain")
    return ServerName(domain)


def localpart_of(identifier: str) -> str:
    """What stands between the sigil and the domain; all after the sigil where there is no domain."""
    return identifier[1:].partition(":")[0]


def _check_domain_id(value: str, sigil: str, what: str) -> str:
    localpart, colon, domain = value.partition(":")
    if not (colon and localpart.startswith(sigil)) or "\0" in localpart or not is_server_name(domain):
        raise InvalidParam(f"Not a valid {what}")
    _check_length(value, what)
    return localpart[1:]


def _check_length(value: str, what: str) -> None:
    if len(value) > MAX_ID_BYTES or (not value.isascii() and len(_utf8(value, what)) > MAX_ID_BYTES):
        raise InvalidParam(f"The {what} is longer than {MAX_ID_BYTES} bytes")


def _utf8(value: str, what: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError:
        raise InvalidParam(f"The {what} has surrogate code points") from None


def _is_address(kind: type[IPv4Address | IPv6Address], literal: str) -> bool:
    try:
        kind(literal)
    except AddressValueError:
        return False
    return True
