"""PDUs of other servers: their shape, hashes and signatures ("Checks performed on receipt", 1 to 3)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from matrix_app.federation.inbound.peers import peers
from matrix_app.federation.inbound.refusals import refused
from matrix_app.protocol.errors import BadJson, MatrixError
from matrix_app.protocol.event_format import check_pdu_format, received_event
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import check_content_hash, event_id_of
from matrix_app.protocol.redaction import redact
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.storage.rooms import RoomIdentity


def read_pdu(room: RoomIdentity, pdu: Any, *, any_number: bool = False) -> Event:
    """The event of a room that a server sent, as it was sent; raises a `MatrixError` for none.

    `any_number` is that of `check_pdu_format`.
    """
    if isinstance(pdu, dict):
        pdu = _as_others_have_it(pdu)
    text = check_pdu_format(pdu, room.rules, any_number=any_number, decoded=True)
    event = received_event(pdu, room.rules)
    event.json = text
    if event.room_id != room.room_id:
        raise BadJson("The event is of another room")
    if event.event_id in event.prev_event_ids or event.event_id in event.auth_event_ids:
        raise BadJson("The event names itself")
    return event


def _as_others_have_it(pdu: dict[str, Any]) -> dict[str, Any]:
    """The PDU without what is neither hashed nor signed, and differs from server to server.

    That is `unsigned`, and what is malformed among the signatures: anybody can put it there, and what others
    have accepted with it must not be refused here, nor all that follows on it.
    """
    signatures = pdu.get("signatures")
    if "unsigned" in pdu:
        pdu = {key: value for key, value in pdu.items() if key != "unsigned"}
    if isinstance(signatures, dict) and not _are_well_formed(signatures):
        pdu = {**pdu, "signatures": {server: _texts(found) for server, found in signatures.items()}}
    return pdu


def _are_well_formed(signatures: dict[str, Any]) -> bool:
    for by_key in signatures.values():
        if type(by_key) is not dict:
            return False
        for value in by_key.values():
            if type(value) is not str:
                return False
    return True


def _texts(by_key: Any) -> dict[str, str]:
    if not isinstance(by_key, dict):
        return {}
    return {key_id: value for key_id, value in by_key.items() if isinstance(value, str)}


def id_of_refused(pdu: Any, rules: RoomVersion | None) -> str | None:
    """The ID by which a server is told that its PDU is no event, as far as it has one."""
    if not isinstance(pdu, dict):
        return None
    if rules is None or rules.event_id_format == "domain":
        claimed = pdu.get("event_id")
        return claimed if isinstance(claimed, str) else None
    if not isinstance(pdu.get("type"), str) or not isinstance(pdu.get("content"), dict):
        return None
    try:
        return event_id_of(pdu, rules)
    except MatrixError:
        return None  # its server cannot have made one of it either


def as_hashed(event: Event) -> Event:
    """The event of a PDU that was read, redacted where its content is not the one that its sender hashed."""
    if check_content_hash(event.pdu, checked=event.rules.strict_canonical_json):
        return event
    redacted = Event(redact(event.pdu, event.rules), event.event_id, event.rules)
    redacted.is_unauthorised = event.is_unauthorised
    return redacted


def read_all(room: RoomIdentity, pdus: Any, *, origin: str, any_number: bool = False) -> list[Event]:
    """Those of the PDUs in an answer that are events of the room, each once; see `read_pdu`."""
    if not isinstance(pdus, list):
        raise BadJson(f"{origin} did not answer with a list of events")
    found: dict[str, Event] = {}
    for pdu in pdus:
        try:
            event = read_pdu(room, pdu, any_number=any_number)
        except MatrixError as error:
            refused("malformed", origin=origin, room_id=room.room_id, error=error.message)
        else:
            found.setdefault(event.event_id, event)
    return list(found.values())


def verified(found: Sequence[Event], *, origin: str) -> list[Event]:
    """Those of the events that are signed as they must be."""
    return without_faults(found, peers().faults(found), origin=origin) if found else []


def without_faults(
    found: Sequence[Event], faults: Sequence[MatrixError | None], *, origin: str
) -> list[Event]:
    """Those of the events whose signatures have no fault, as they were hashed."""
    right = []
    for event, fault in zip(found, faults, strict=True):
        if fault is None:
            right.append(as_hashed(event))
        else:
            refused("signature", origin=origin, event_id=event.event_id, error=fault.message)
    return right


def in_order(found: Iterable[Event]) -> list[Event]:
    """The events, each behind those of them that it follows; what is part of a circle is left out."""
    by_id = {event.event_id: event for event in found}
    waiting = {event_id: by_id.keys() & event.prev_event_ids for event_id, event in by_id.items()}
    following: dict[str, list[str]] = {}
    for event_id, previous in waiting.items():
        for before in previous:
            following.setdefault(before, []).append(event_id)
    ready = [event_id for event_id, previous in waiting.items() if not previous]
    ordered = []
    for event_id in ready:
        ordered.append(by_id[event_id])
        for other in following.get(event_id, ()):
            waiting[other].discard(event_id)
            if not waiting[other]:
                ready.append(other)
    return ordered
