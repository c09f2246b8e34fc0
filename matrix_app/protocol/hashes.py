"""Content hashes, reference hashes and the event IDs that come of them ("Signing Events")."""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from matrix_app.protocol.canonical_json import encode_canonical, encode_checked
from matrix_app.protocol.errors import InvalidParam
from matrix_app.protocol.ids import EventId
from matrix_app.protocol.redaction import redact
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.protocol.unpadded_base64 import decode_base64, encode_base64, encode_base64_urlsafe

_NOT_HASHED: Final = frozenset({"unsigned", "signatures", "hashes"})


def content_hash(pdu: dict[str, Any], *, checked: bool = False) -> bytes:
    """The SHA-256 of the whole event but `unsigned`, `signatures` and `hashes`.

    `checked`: the event is known to be canonical JSON.
    """
    hashed = {key: value for key, value in pdu.items() if key not in _NOT_HASHED}
    return sha256(encode_checked(hashed) if checked else encode_canonical(hashed, lenient=True)).digest()


def add_content_hash(pdu: dict[str, Any]) -> dict[str, Any]:
    """`pdu` with its content hash: a new dict, other hashes gone."""
    return {**pdu, "hashes": {"sha256": encode_base64(content_hash(pdu))}}


def check_content_hash(pdu: dict[str, Any], *, checked: bool = False) -> bool:
    """Whether `pdu` has the content that its sender hashed; if not, it is to be taken as redacted.

    `checked` is that of `content_hash`.
    """
    hashes = pdu.get("hashes")
    claimed = hashes.get("sha256") if isinstance(hashes, dict) else None
    if not isinstance(claimed, str):
        return False
    try:
        return decode_base64(claimed) == content_hash(pdu, checked=checked)
    except InvalidParam:
        return False


def reference_hash(pdu: dict[str, Any], rules: RoomVersion) -> bytes:
    """The SHA-256 of what redaction leaves of the event, signatures aside."""
    return redacted_reference_hash(redact(pdu, rules))


def redacted_reference_hash(redacted: dict[str, Any]) -> bytes:
    """The reference hash of an event that has been redacted already."""
    hashed = {key: value for key, value in redacted.items() if key not in {"signatures", "unsigned"}}
    return sha256(encode_canonical(hashed, lenient=True)).digest()


def event_id_of(pdu: dict[str, Any], rules: RoomVersion) -> EventId:
    """The event's ID: its own in versions 1 and 2, its reference hash since."""
    if rules.event_id_format == "domain":
        return EventId(pdu["event_id"])
    return hash_event_id(reference_hash(pdu, rules), rules)


def hash_event_id(digest: bytes, rules: RoomVersion) -> EventId:
    """The event ID that a reference hash makes in version 3 and later."""
    encode = encode_base64 if rules.event_id_format == "base64" else encode_base64_urlsafe
    return EventId("$" + encode(digest))
