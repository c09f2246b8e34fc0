"""The shape and the limits of PDUs, and new events that keep to them.

"Event format" of the room versions, "Size limits" of the client-server API, "Signing Events".
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, Final, NamedTuple, NotRequired, TypedDict, Unpack

from matrix_app.protocol.canonical_json import MAX_INTEGER, encode_canonical, encode_checked, encode_decoded
from matrix_app.protocol.errors import BadJson, InvalidParam, TooLarge
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import add_content_hash, event_id_of, hash_event_id, reference_hash
from matrix_app.protocol.ids import MAX_ID_BYTES, domain_of, parse_event_id, parse_room_id, parse_user_id
from matrix_app.protocol.redaction import redact
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.protocol.signing import SigningKey, add_event_signature, signed_bytes
from matrix_app.protocol.unpadded_base64 import encode_base64

MAX_PDU_BYTES: Final = 65536
MAX_PREV_EVENTS: Final = 20
MAX_AUTH_EVENTS: Final = 10
_MAX_INT64: Final = 2**63 - 1

_REQUIRED: Final[tuple[tuple[str, type], ...]] = (
    ("sender", str),
    ("origin_server_ts", int),
    ("type", str),
    ("content", dict),
    ("depth", int),
    ("hashes", dict),
    ("signatures", dict),
    ("prev_events", list),
    ("auth_events", list),
)


class EventReference(NamedTuple):
    """An event as later ones refer to it: its ID, and in versions 1 and 2 its reference hash in Base64."""

    event_id: str
    sha256: str | None = None


# A plain ID is enough from version 3 on.
Reference = Event | EventReference | str


class EventFields(TypedDict):
    """What makes an event. `content` is shared and must not change afterwards."""

    room_id: str | None
    sender: str
    type: str
    content: dict[str, Any]
    prev_events: Iterable[Reference]
    auth_events: Iterable[Reference]
    depth: int
    origin_server_ts: int
    state_key: NotRequired[str | None]
    redacts: NotRequired[str | None]


def create_event(
    *, rules: RoomVersion, key: SigningKey, server_name: str, **fields: Unpack[EventFields]
) -> Event:
    """A new event of this server: built, hashed, signed and with its ID.

    Raises `BadJson`, `TooLarge` or `InvalidParam` when it breaks the format or the limits of the version.
    """
    return finish_event(build_pdu(rules=rules, **fields), rules=rules, key=key, server_name=server_name)


def finish_event(pdu: dict[str, Any], *, rules: RoomVersion, key: SigningKey, server_name: str) -> Event:
    """The event that a built PDU becomes: hashed, signed, checked, and with its ID.

    Also for the templates that other servers give on joining, knocking and leaving: what they have put
    into `signatures` and `unsigned` is dropped. Raises as `create_event` does.
    """
    bare = {key: value for key, value in pdu.items() if key != "unsigned"}
    hashed = add_content_hash({**bare, "signatures": {}})
    check_pdu_format(hashed, rules, in_bytes=True)
    signed = add_event_signature(hashed, rules, server_name, key)
    check_pdu_size(signed, rules)
    return Event(signed, event_id_of(signed, rules), rules)


def received_event(pdu: dict[str, Any], rules: RoomVersion) -> Event:
    """The event of a PDU that has passed `check_pdu_format`, with what its signatures cover at hand.

    That is hashed for its ID as well, from version 3 on.
    """
    signed = signed_bytes(redact(pdu, rules), checked=rules.strict_canonical_json)
    if rules.event_id_format == "domain":
        event = Event(pdu, pdu["event_id"], rules)
    else:
        event = Event(pdu, hash_event_id(sha256(signed).digest(), rules), rules)
    event.signed = signed
    return event


def encode_event(event: Event) -> bytes:
    """The canonical JSON of an event that has passed `check_pdu_format`, here or when it came."""
    at_hand = event.json
    if at_hand is not None:
        return at_hand
    if event.rules.strict_canonical_json:
        return encode_checked(event.pdu)
    return encode_canonical(event.pdu, lenient=True)


def build_pdu(*, rules: RoomVersion, **fields: Unpack[EventFields]) -> dict[str, Any]:
    """The event in its room version's format, not yet hashed and signed.

    `room_id` is left out where the version wants that, and `redacts` goes where the version keeps it.
    """
    pdu: dict[str, Any] = {
        "auth_events": [_reference(event, rules) for event in fields["auth_events"]],
        "content": fields["content"],
        "depth": min(fields["depth"], max_depth(rules)),
        "origin_server_ts": fields["origin_server_ts"],
        "prev_events": [_reference(event, rules) for event in fields["prev_events"]],
        "sender": fields["sender"],
        "type": fields["type"],
    }
    if not (rules.room_id_is_create_hash and fields["type"] == "m.room.create"):
        pdu["room_id"] = fields["room_id"]
    if (state_key := fields.get("state_key")) is not None:
        pdu["state_key"] = state_key
    if rules.event_id_format == "domain":
        pdu["event_id"] = new_event_id(fields["sender"])
    if (redacts := fields.get("redacts")) is not None:
        _set_redacts(pdu, redacts, rules)
    return pdu


def new_event_id(sender: str) -> str:
    """A fresh event ID as versions 1 and 2 have them."""
    return f"${token_urlsafe(18)}:{domain_of(sender)}"


def reference_to(event: Event) -> EventReference:
    """What `prev_events` and `auth_events` need to know of `event`."""
    if event.rules.event_id_format != "domain":
        return EventReference(event.event_id)
    return EventReference(event.event_id, encode_base64(reference_hash(event.pdu, event.rules)))


def max_depth(rules: RoomVersion) -> int:
    """The highest `depth`: a room that has reached it stays there."""
    return MAX_INTEGER if rules.strict_canonical_json else _MAX_INT64


def check_pdu_format(
    pdu: Any,
    rules: RoomVersion,
    *,
    any_number: bool = False,
    in_bytes: bool = False,
    decoded: bool = False,
) -> bytes:
    """The canonical JSON of `pdu`, which is a valid event of the room version.

    Raises `BadJson`, `TooLarge` or `InvalidParam` where it is none. After it `Event` can be made of `pdu`,
    and every field that `Event` offers has its type. `any_number` lets it have any number of
    `prev_events` and
    `auth_events`, as events from before there were limits have. `in_bytes` counts the length of type and
    state key in bytes in every version, as specified. `decoded`: it is what `decode_json` has read.
    """
    if type(pdu) is not dict:
        raise BadJson("An event is an object")
    _check_types(pdu, rules)
    _check_numbers(pdu, rules)
    _check_identifiers(pdu, rules)
    _check_short(pdu["type"], "type", in_bytes or rules.lengths_in_bytes)
    _check_short(pdu.get("state_key", ""), "state_key", in_bytes or rules.lengths_in_bytes)
    for name, limit in (("prev_events", MAX_PREV_EVENTS), ("auth_events", MAX_AUTH_EVENTS)):
        _check_references(pdu[name], None if any_number else limit, name, rules)
    return check_pdu_size(pdu, rules, decoded=decoded)


def check_pdu_size(pdu: dict[str, Any], rules: RoomVersion, *, decoded: bool = False) -> bytes:
    """The canonical JSON of an event of at most 64 KiB.

    Raises `TooLarge`, and `BadJson` where it has none and the version enforces that.
    """
    # The complete event must not be larger than 65536 bytes, with signatures, as canonical JSON.
    encode = encode_decoded if decoded else encode_canonical
    text = encode(pdu, lenient=not rules.strict_canonical_json)
    if len(text) > MAX_PDU_BYTES:
        raise TooLarge("The event is larger than 64 KiB")
    return text


def _check_types(pdu: dict[str, Any], rules: RoomVersion) -> None:
    for name, kind in _REQUIRED:
        if type(pdu.get(name)) is not kind:
            raise BadJson(f"{name} is missing or has the wrong type")
    _check_optional(pdu, "state_key", str)
    _check_optional(pdu, "unsigned", dict)
    if not rules.redacts_in_content:
        _check_optional(pdu, "redacts", str)
    if type(pdu["hashes"].get("sha256")) is not str:
        raise BadJson("hashes has no sha256")
    for signatures in pdu["signatures"].values():
        if type(signatures) is not dict or not all(type(value) is str for value in signatures.values()):
            raise BadJson("signatures is not of the form server, key, signature")


def _check_optional(pdu: dict[str, Any], name: str, kind: type) -> None:
    if name in pdu and type(pdu[name]) is not kind:
        raise BadJson(f"{name} has the wrong type")


def _check_numbers(pdu: dict[str, Any], rules: RoomVersion) -> None:
    if not 0 <= pdu["depth"] <= max_depth(rules):
        raise BadJson("depth is out of range")
    if not -_MAX_INT64 <= pdu["origin_server_ts"] <= _MAX_INT64:
        raise BadJson("origin_server_ts is out of range")


def _check_identifiers(pdu: dict[str, Any], rules: RoomVersion) -> None:
    parse_user_id(pdu["sender"])
    if rules.event_id_format == "domain":
        _check_event_id(pdu.get("event_id"), rules)
    # v12: the room ID of a create event is its own hash, so it is omitted there.
    if rules.room_id_is_create_hash and pdu["type"] == "m.room.create":
        if "room_id" in pdu:
            raise BadJson("A create event of this room version has no room_id")
        return
    room_id = pdu.get("room_id")
    if type(room_id) is not str or (":" in room_id) == rules.room_id_is_create_hash:
        raise BadJson("room_id is missing or not of the room version's format")
    parse_room_id(room_id)


def _check_short(value: str, name: str, in_bytes: bool) -> None:
    # NUL is no breach of the specification, but such events cannot be stored by most servers, and never
    # spread.
    if "\0" in value:
        raise BadJson(f"{name} has a NUL character")
    length = len(value) if value.isascii() else _utf8_length(value, name)
    if len(value) > MAX_ID_BYTES or (in_bytes and length > MAX_ID_BYTES):
        raise TooLarge(f"{name} is longer than {MAX_ID_BYTES} bytes")


def _utf8_length(value: str, name: str) -> int:
    try:
        return len(value.encode())
    except UnicodeEncodeError:
        raise BadJson(f"{name} has surrogate code points") from None


def _check_references(references: list[Any], limit: int | None, name: str, rules: RoomVersion) -> None:
    if limit is not None and len(references) > limit:
        raise BadJson(f"{name} has more than {limit} events")
    for reference in references:
        if rules.event_id_format == "domain":
            _check_hashed_reference(reference, name, rules)
        else:
            _check_event_id(reference, rules)


def _check_hashed_reference(reference: Any, name: str, rules: RoomVersion) -> None:
    # Versions 1 and 2 give the reference hash beside the event ID.
    if type(reference) is not list or len(reference) != 2 or type(reference[1]) is not dict:
        raise BadJson(f"{name} is not a list of event IDs and hashes")
    _check_event_id(reference[0], rules)


def _check_event_id(event_id: Any, rules: RoomVersion) -> None:
    if type(event_id) is not str:
        raise BadJson("An event ID is missing or not a string")
    parse_event_id(event_id, rules if rules.event_id_format == "domain" else None)


def _set_redacts(pdu: dict[str, Any], redacts: str, rules: RoomVersion) -> None:
    if rules.redacts_in_content:
        pdu["content"] = {**pdu["content"], "redacts": redacts}
    else:
        pdu["redacts"] = redacts


def _reference(event: Reference, rules: RoomVersion) -> str | list[Any]:
    if isinstance(event, Event):
        event = reference_to(event)
    elif isinstance(event, str):
        event = EventReference(event)
    if rules.event_id_format != "domain":
        return event.event_id
    if event.sha256 is None:
        raise InvalidParam(f"Room version {rules.identifier} refers to events with their hashes")
    return [event.event_id, {"sha256": event.sha256}]
