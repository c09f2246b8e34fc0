"""Judging staged PDUs, room by room in the order of arrival."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import compress
from typing import Final, NamedTuple

from matrix_app.federation.inbound.pdus import as_hashed, in_order
from matrix_app.federation.inbound.peers import peers
from matrix_app.federation.inbound.refusals import refused
from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.errors import KeysUnknown, MatrixError
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import event_id_of
from matrix_app.services.boundary import Boundary
from matrix_app.services.known_rooms import find_here
from matrix_app.services.policy_servers import UnrecommendedError
from matrix_app.services.received_events import MissingEventsError, store_received
from matrix_app.services.received_lines import store_line
from matrix_app.services.withdrawn_invites import is_withdrawal, withdraw
from matrix_app.storage import db, rooms, staging
from matrix_app.storage.clock import now_ms
from matrix_app.storage.events import Status
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.staging import StagedRow

BATCH: Final = 50
# How often what cannot be judged is tried.
MOST_ATTEMPTS: Final = 5

# The parsed event of a row, where it is still at hand.
Held = Callable[[StagedRow], Event | None]


class Staged(NamedTuple):
    """A row and its event."""

    row: StagedRow
    event: Event


def nothing_held(_row: StagedRow) -> Event | None:
    """For whoever has only the rows."""
    return None


def judge_staged(room_nid: int, held: Held) -> bool:
    """Judge what can be judged without asking anybody; whether something is left for which one must."""
    room = rooms.by_nid(room_nid)
    while rows := staging.unseen(room_nid, BATCH):
        found = in_sequence(room, first_of_each(rows), held)
        faults = peers().known_faults([staged.event for staged in found])
        certain = [not isinstance(fault, KeysUnknown) for fault in faults]
        judged = kept(list(compress(found, certain)), list(compress(faults, certain)))
        for_asking = [s.row.nid for s, known in zip(found, certain, strict=True) if not known]
        for_asking += _store_all(room, judged)
        if for_asking:
            with db.write():
                staging.set_needs_asking(for_asking)
    return staging.needs_asking(room_nid, now_ms())


def first_of_each(rows: Sequence[StagedRow]) -> list[StagedRow]:
    """The rows, but for such as have the event of an earlier one: they follow once that is dealt with."""
    found: dict[str, StagedRow] = {}
    for row in rows:
        found.setdefault(row.event_id, row)
    return list(found.values())


def in_sequence(room: RoomIdentity, rows: Sequence[StagedRow], held: Held) -> list[Staged]:
    """The rows with their events, predecessors first; what is part of a circle is dropped."""
    found = {row.event_id: Staged(row, held(row) or _read(room, row)) for row in rows}
    ordered = [found[event.event_id] for event in in_order(staged.event for staged in found.values())]
    if len(ordered) < len(found):
        nids = {staged.row.nid for staged in ordered}
        drop("circle", [row for row in rows if row.nid not in nids])
    return ordered


def _read(room: RoomIdentity, row: StagedRow) -> Event:
    pdu = decode_json(row.json)
    return Event(pdu, event_id_of(pdu, room.rules), room.rules)


def kept(found: Sequence[Staged], faults: Sequence[MatrixError | None]) -> list[Staged]:
    """Those without a fault in their signatures, as they were hashed; the others are dropped."""
    right = []
    for staged, fault in zip(found, faults, strict=True):
        if fault is None:
            right.append(Staged(staged.row, as_hashed(staged.event)))
        else:
            drop("signature", [staged.row], error=fault.message)
    return right


def drop(reason: str, rows: Sequence[StagedRow], **more: str) -> None:
    """Forget what is not taken, and count it."""
    for row in rows:
        refused(reason, origin=row.origin, event_id=row.event_id, **more)
    with db.write():
        staging.remove([row.nid for row in rows])


def _store_all(room: RoomIdentity, judged: Sequence[Staged]) -> list[int]:
    """Store events, predecessors first; the nids of rows for whose events others must be asked."""
    if find_here(room.room_id) is None:
        for staged in judged:
            withdraw_if_so(room, staged)
        return []
    return [staged.row.nid for staged in _beside_lines(room, judged) if not _stored(room, staged)]


def _stored(room: RoomIdentity, staged: Staged) -> bool:
    """Whether an event was judged and stored; where a fault of our own keeps it, asking tries a few times."""
    with Boundary("an event cannot be judged", event_id=staged.event.event_id):
        try:
            store(room, staged)
        except (MissingEventsError, UnrecommendedError):
            return False
        return True
    return False


def _beside_lines(room: RoomIdentity, judged: Sequence[Staged]) -> Iterator[Staged]:
    """Store what continues the room in lines; the rest is for the caller to store, one by one."""
    waiting = list(judged)
    while waiting:
        stored = _store_line(room, waiting)
        if not stored:
            yield waiting.pop(0)
        del waiting[:stored]


def _store_line(room: RoomIdentity, waiting: Sequence[Staged]) -> int:
    nids = [staged.row.nid for staged in waiting]
    found = [staged.event for staged in waiting]
    # After a fault of our own they are judged one by one.
    with Boundary("events cannot be stored together", event_ids=[event.event_id for event in found]):
        return store_line(room, found, lambda count: staging.remove(nids[:count]))
    return 0


def store(room: RoomIdentity, staged: Staged) -> None:
    """Judge and store one event of a room that this server is in."""
    note_refusal(staged, store_received(room, staged.event, beside=lambda: staging.remove([staged.row.nid])))


def note_refusal(staged: Staged, status: Status | None) -> None:
    """Count what was stored, but not accepted."""
    if status in (Status.REJECTED, Status.SOFT_FAILED):
        refused(status.name.lower(), origin=staged.row.origin, event_id=staged.event.event_id)


def withdraw_if_so(room: RoomIdentity, staged: Staged) -> None:
    """All that concerns a room which this server is not in are invites and knocks that it takes back."""
    with db.write():
        if is_withdrawal(room, staged.event):
            withdraw(room, staged.event)
        staging.remove([staged.row.nid])
