"""Events that come out of a room's past: what fills gaps, and history from before this server was there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matrix_app.protocol.events import Event
from matrix_app.services.known_events import event_to_store
from matrix_app.services.received_checks import needed_ids, passes_in, passes_own, wanted_pairs
from matrix_app.services.received_events import MissingEventsError, Received, is_stored, store_unseen
from matrix_app.services.state_forks import PlannedState, difference, meet
from matrix_app.storage import bulk, db, events, rooms, state
from matrix_app.storage.events import Status
from matrix_app.storage.rooms import RoomIdentity

# Events whose keys are read with one statement.
_AT_ONCE: Final = 1000


def known_state(room: RoomIdentity, event_ids: Sequence[str]) -> PlannedState:
    """The state of these events, as far as they are stored and not rejected; the last of a key counts."""
    entries = entries_of(room, event_ids)
    present = rooms.head(room.nid).state_nid
    if present is None:
        return PlannedState(None, entries)
    return PlannedState(present, difference(state.load(present), entries))


def entries_of(room: RoomIdentity, event_ids: Sequence[str]) -> dict[int, int]:
    """The same as key nids and event nids."""
    entries: dict[int, int] = {}
    for start in range(0, len(event_ids), _AT_ONCE):
        chunk = event_ids[start : start + _AT_ONCE]
        rows = {row.event_id: row for row in bulk.state_rows(room.nid, chunk)}
        for row in (rows[event_id] for event_id in chunk if event_id in rows):
            if row.key_nid is not None and row.status != Status.REJECTED:
                entries[row.key_nid] = row.nid
    return entries


def store_history(room: RoomIdentity, event: Event, before: PlannedState | None = None) -> Status | None:
    """Store an event of a room's past; what became of it, None if it was here before, or another with its ID.

    Its auth events are stored; `before` is the state before it, and may be left out where its predecessors
    are here. Predecessors that are not become a gap. Raises `MissingEventsError`.
    """
    needed = needed_ids(event)
    rows = events.rows_by_id({*event.prev_event_ids, *needed, event.event_id})
    found = event_to_store(rows.get(event.event_id), event)
    if found is None:
        return None
    event = found
    if missing_auth := [event_id for event_id in needed if event_id not in rows]:
        raise MissingEventsError(auth=missing_auth)
    there = {event_id for event_id, row in rows.items() if not row.is_outlier and row.room_nid == room.nid}
    missing = [event_id for event_id in event.prev_event_ids if event_id not in there]
    if before is None:
        if missing:
            raise MissingEventsError(previous=missing)
        snapshots = [rows[event_id].state_after for event_id in event.prev_event_ids]
        before = meet(room, [nid for nid in snapshots if nid is not None])
    parsed = {event_id: events.parse(row) for event_id, row in rows.items()}
    allowed = passes_own(event, parsed) and passes_in(event, before.find(wanted_pairs(event)))
    event.rejected = not allowed
    status = Status.NORMAL if allowed else Status.REJECTED
    received = Received(event, rows, before, status, missing)
    received.hold_back_if_hidden(room, is_new=False)
    with db.write():
        rooms.lock(room.nid)
        if is_stored(event.event_id):
            return None
        store_unseen(room, received)
    return received.status
