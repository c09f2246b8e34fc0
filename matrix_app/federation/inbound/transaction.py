"""Taking in a transaction: what is in it is looked at, stored durably, and answered at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import orjson

from appliance.metrics.counted import PDUS_RECEIVED
from matrix_app.federation.edus import dispatch
from matrix_app.federation.inbound import background
from matrix_app.federation.inbound.at_once import store_at_once
from matrix_app.federation.inbound.pdus import id_of_refused, read_pdu
from matrix_app.federation.inbound.peers import peers
from matrix_app.federation.inbound.processing import MOST_ATTEMPTS
from matrix_app.federation.inbound.refusals import refused
from matrix_app.protocol.errors import (
    BadJson,
    Forbidden,
    InvalidParam,
    KeysUnknown,
    LimitExceeded,
    MatrixError,
    NotFound,
)
from matrix_app.protocol.event_format import encode_event
from matrix_app.protocol.events import Event
from matrix_app.protocol.ids import domain_of
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.services.boundary import Boundary
from matrix_app.services.known_rooms import find_here
from matrix_app.services.room_acl import server_allowed
from matrix_app.services.withdrawn_invites import is_withdrawal
from matrix_app.storage import db, interning, members, rooms, staging
from matrix_app.storage.clock import now_ms
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.staging import Answered, NewPdu

# "At most 50 PDUs and 100 EDUs."
MOST_PDUS: Final = 50
MOST_EDUS: Final = 100
# PDUs of one server that may wait. Those that were tried often do not count: few of them stay.
MOST_WAITING: Final = 5000
RETRY_MS: Final = 10_000


class _Accepted(NamedTuple):
    room: RoomIdentity
    event: Event
    # Whether its signatures are known to be right, or are still to be looked at.
    is_verified: bool = False


class _Refusal(NamedTuple):
    event_id: str | None
    error: MatrixError


def receive_transaction(origin: str, txn_id: str, body: dict[str, Any]) -> bytes:
    """Take in what a server sent; the answer as JSON, the same for a transaction that comes again.

    Raises `BadJson` for what is no transaction, `InvalidParam` for one of another server, and `LimitExceeded`
    while too much of the server's waits.
    """
    if body.get("origin", origin) != origin:
        raise InvalidParam("The transaction names another server as its origin")
    pdus, edus = _lists(body)
    origin_nid = _origin_nid(origin)
    before, is_full = staging.standing(origin_nid, MOST_WAITING, MOST_ATTEMPTS)
    if before is not None and before.txn_id == txn_id:
        return before.answer
    if pdus and is_full:
        refused("too much waits", origin=origin)
        raise LimitExceeded(RETRY_MS, "Too many of your events wait to be looked at")
    intake = _Intake(origin)
    looked_at = intake.look_at_all(pdus)
    answer = orjson.dumps({"pdus": _results(looked_at)})
    accepted = [item for item in looked_at if isinstance(item, _Accepted)]
    PDUS_RECEIVED.inc(len(accepted))
    # Before the transaction counts as received: if this process ends in between, it comes again.
    dispatch.receive(origin, origin_nid, edus)
    answered = Answered(txn_id, answer)
    if not intake.is_plain(accepted) or not store_at_once(
        accepted[0].room,
        [item.event for item in accepted],
        lambda: staging.put_transaction(origin_nid, answered),
    ):
        _stage(accepted, origin, origin_nid, answered)
    return answer


def _stage(accepted: Sequence[_Accepted], origin: str, origin_nid: int, answered: Answered) -> None:
    """Keep events until they have been judged in the background, which begins now."""
    for item in accepted:
        background.hold(origin, item.event)
    # Ephemeral data may well come again.
    with db.write() if accepted else db.write_unsynced():
        staging.add([_staged(item, origin, origin_nid) for item in accepted])
        staging.put_transaction(origin_nid, answered)
    background.wake({item.room.nid for item in accepted})


def _lists(body: dict[str, Any]) -> tuple[list[Any], list[Any]]:
    pdus, edus = body.get("pdus", []), body.get("edus", [])
    if not isinstance(pdus, list) or not isinstance(edus, list):
        raise BadJson("pdus and edus are lists")
    if len(pdus) > MOST_PDUS or len(edus) > MOST_EDUS:
        raise BadJson(f"A transaction has at most {MOST_PDUS} PDUs and {MOST_EDUS} EDUs")
    return pdus, edus


def _origin_nid(origin: str) -> int:
    found = interning.find_server(origin)
    if found is None:
        with db.write():
            found = interning.server_nid(origin)
    return found


class _Intake:
    """Looks at the PDUs of a transaction; what it finds out about rooms holds for the whole of it."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._rooms: dict[str, RoomIdentity | MatrixError] = {}
        self._allowed: dict[int, bool] = {}
        self._elsewhere: set[int] = set()

    def look_at_all(self, pdus: Sequence[Any]) -> list[_Accepted | _Refusal]:
        looked_at = [self._look_at(pdu) for pdu in pdus]
        found = [item.event for item in looked_at if isinstance(item, _Accepted)]
        faults = iter(peers().known_faults(found))
        return [
            self._unless_forged(item, next(faults)) if isinstance(item, _Accepted) else item
            for item in looked_at
        ]

    def _unless_forged(self, item: _Accepted, fault: MatrixError | None) -> _Accepted | _Refusal:
        if fault is None:
            return item._replace(is_verified=True)
        # Where a key has to be asked for, that is done later, when nobody waits for an answer.
        if isinstance(fault, KeysUnknown):
            return item
        return self._refuse("signature", item.event.event_id, fault)

    def is_plain(self, accepted: Sequence[_Accepted]) -> bool:
        """Whether all events are verified, of one room that this server is in, and of who sent them."""
        room_nids = {item.room.nid for item in accepted}
        if len(room_nids) != 1 or room_nids & self._elsewhere:
            return False
        return all(item.is_verified and not _is_foreign(item, self._origin) for item in accepted)

    def _look_at(self, pdu: Any) -> _Accepted | _Refusal:
        rules: RoomVersion | None = None
        error = MatrixError("The event cannot be looked at")
        with Boundary("an event cannot be looked at", origin=self._origin):
            try:
                room = self._room_of(pdu)
                rules = room.rules
                event = read_pdu(room, pdu)
                self._check_sender(room, event)
                return _Accepted(room, event)
            except MatrixError as refusal:
                error = refusal
        return self._refuse("pdu", id_of_refused(pdu, rules), error)

    def _refuse(self, reason: str, event_id: str | None, error: MatrixError) -> _Refusal:
        refused(reason, origin=self._origin, event_id=event_id, error=error.message)
        return _Refusal(event_id, error)

    def _room_of(self, pdu: Any) -> RoomIdentity:
        room_id = pdu.get("room_id") if isinstance(pdu, dict) else None
        if not isinstance(room_id, str):
            raise BadJson("The event has no room_id")
        if room_id not in self._rooms:
            self._rooms[room_id] = self._find_room(room_id)
        found = self._rooms[room_id]
        if isinstance(found, MatrixError):
            raise found
        return found

    def _find_room(self, room_id: str) -> RoomIdentity | MatrixError:
        try:
            here = find_here(room_id)
        except MatrixError as error:
            return error
        room = here or rooms.find(room_id)
        if room is None:
            return NotFound("This server is not in the room")
        if here is None:
            self._elsewhere.add(room.nid)
        self._allowed[room.nid] = server_allowed(room, self._origin)
        return room

    def _check_sender(self, room: RoomIdentity, event: Event) -> None:
        if not self._allowed[room.nid]:
            raise Forbidden("Your server is not allowed in the room")
        if room.nid in self._elsewhere:
            if domain_of(event.sender) != self._origin or not is_withdrawal(room, event):
                raise NotFound("This server is not in the room")
            return
        # Others' events are passed on only by servers that are in the room.
        if domain_of(event.sender) != self._origin and not members.is_server_in(room.nid, self._origin):
            raise Forbidden("Your server is not in the room")


def _results(looked_at: Sequence[_Accepted | _Refusal]) -> dict[str, dict[str, str]]:
    results: dict[str, dict[str, str]] = {}
    for item in looked_at:
        if isinstance(item, _Accepted):
            results[item.event.event_id] = {}
        elif item.event_id is not None:
            results[item.event_id] = {"error": item.error.message or item.error.errcode}
    return results


def _staged(item: _Accepted, origin: str, origin_nid: int) -> NewPdu:
    encoded = encode_event(item.event)
    return NewPdu(
        item.room.nid, origin_nid, item.event.event_id, encoded, now_ms(), _is_foreign(item, origin)
    )


def _is_foreign(item: _Accepted, origin: str) -> bool:
    # The origin's keys are at hand, those of others may have to be asked for.
    return domain_of(item.event.sender) != origin or "join_authorised_via_users_server" in item.event.content
