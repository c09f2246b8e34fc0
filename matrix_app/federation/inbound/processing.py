"""Judging staged PDUs, room by room in the order of arrival."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from matrix_app.federation.inbound.gaps import GapFiller
from matrix_app.federation.inbound.pdus import as_hashed, in_order
from matrix_app.federation.inbound.peers import peers
from matrix_app.federation.inbound.refusals import refused
from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.errors import MatrixError
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import event_id_of
from matrix_app.services.known_rooms import find_here
from matrix_app.services.received_events import MissingEventsError, store_received
from matrix_app.services.withdrawn_invites import is_withdrawal, withdraw
from matrix_app.storage import db, events, rooms, staging
from matrix_app.storage.clock import now_ms
from matrix_app.storage.events import Status
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.staging import StagedRow

BATCH: Final = 50
MOST_ATTEMPTS: Final = 5
FIRST_RETRY_MS: Final = 15_000

Held = Callable[[str], Event | None]


class _Staged(NamedTuple):
    row: StagedRow
    event: Event


def judge_staged(room_nid: int, held: Held) -> bool:
    """Judge what can be judged without asking anybody; whether something is left for which one must."""
    room = rooms.by_nid(room_nid)
    while rows := staging.due(room_nid, needs_asking=False, now=now_ms(), limit=BATCH):
        postponed = []
        for staged in _verified(room, rows, held):
            try:
                _store(room, staged)
            except MissingEventsError:
                postponed.append(staged.row.nid)
        if postponed:
            with db.write():
                staging.set_needs_asking(postponed)
    return bool(staging.due(room_nid, needs_asking=True, now=now_ms(), limit=1))


def fill_gaps(room_nid: int) -> None:
    """Judge everything that waits in a room, and ask other servers for what is missing."""
    judge_staged(room_nid, _nothing_held)
    room = rooms.by_nid(room_nid)
    while rows := staging.due(room_nid, needs_asking=True, now=now_ms(), limit=BATCH):
        for staged in _verified(room, rows, _nothing_held):
            _fill(room, staged)


def _nothing_held(_event_id: str) -> Event | None:
    return None


def _verified(room: RoomIdentity, rows: Sequence[StagedRow], held: Held) -> list[_Staged]:
    """The events of the rows, predecessors first; rows without a valid signature are removed."""
    found = {row.event_id: _Staged(row, held(row.event_id) or _read(room, row)) for row in rows}
    ordered = in_order(staged.event for staged in found.values())
    faults = peers().faults(ordered)
    kept, gone = [], {row.nid for row in rows} - {found[event.event_id].row.nid for event in ordered}
    for event, fault in zip(ordered, faults, strict=True):
        row = found[event.event_id].row
        if fault is None:
            kept.append(_Staged(row, as_hashed(event)))
        else:
            refused("signature", origin=row.origin, event_id=row.event_id, error=fault.message)
            gone.add(row.nid)
    if gone:
        with db.write():
            staging.remove(gone)
    return kept


def _read(room: RoomIdentity, row: StagedRow) -> Event:
    pdu = decode_json(row.json)
    return Event(pdu, event_id_of(pdu, room.rules), room.rules)


def _store(room: RoomIdentity, staged: _Staged) -> None:
    if find_here(room.room_id) is None:
        _withdraw(room, staged)
        return
    status = store_received(room, staged.event, beside=lambda: staging.remove([staged.row.nid]))
    if status in (Status.REJECTED, Status.SOFT_FAILED):
        refused(status.name.lower(), origin=staged.row.origin, event_id=staged.event.event_id)


def _withdraw(room: RoomIdentity, staged: _Staged) -> None:
    """All that concerns a room which this server is not in are invites and knocks that it takes back."""
    with db.write():
        if is_withdrawal(room, staged.event):
            withdraw(room, staged.event)
        staging.remove([staged.row.nid])


def _fill(room: RoomIdentity, staged: _Staged) -> None:
    row, event = staged
    try:
        try:
            _store(room, staged)
        except MissingEventsError:
            GapFiller(room, row.origin).complete(event)
            _store(room, staged)
    except MissingEventsError as error:
        refused("gap", origin=row.origin, event_id=event.event_id, error=str(error))
        with db.write():
            staging.remove([row.nid])
    except MatrixError as error:
        _postpone(row, error)


def _postpone(row: StagedRow, error: MatrixError) -> None:
    """Try again later what a server did not answer, a few times."""
    refused("unanswered", origin=row.origin, event_id=row.event_id, error=error.message)
    with db.write():
        if row.attempts + 1 >= MOST_ATTEMPTS:
            staging.remove([row.nid])
        else:
            staging.postpone(row.nid, now_ms() + FIRST_RETRY_MS * 2**row.attempts)


def sweep() -> None:
    """Come back to what a process that ended left behind, or what was put off."""
    now = now_ms()
    for room_nid in staging.waiting_rooms(now - FIRST_RETRY_MS, now, 100):
        fill_gaps(room_nid)


def is_waiting(event_id: str) -> bool:
    """Whether an event has not been judged yet: neither stored nor refused."""
    return events.row_by_id(event_id) is None
