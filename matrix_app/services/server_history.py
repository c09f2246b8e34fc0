"""The history of rooms as other servers ask for it, along the edges of its graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from typing import Final, NamedTuple

from matrix_app.protocol.errors import NotFound
from matrix_app.services.server_access import shared_room
from matrix_app.services.server_visibility import mark_hidden
from matrix_app.storage import events, history
from matrix_app.storage.events import EventRow, Status
from matrix_app.storage.rooms import RoomIdentity

MOST_BACKFILLED: Final = 100
MOST_MISSING: Final = 20
# Events without predecessors of their own here, and those that were rejected, are walked past.
_MOST_WALKED: Final = 400
_MOST_READ_AHEAD: Final = 4


class Gap(NamedTuple):
    """What a server lacks: between events that it has and events that it has got now."""

    earliest: Sequence[str]
    latest: Sequence[str]
    limit: int = 10
    min_depth: int = 0


def backfill(room_id: str, event_ids: Sequence[str], limit: int, origin: str) -> list[EventRow]:
    """The events and those before them, the deepest first, marked where their content is not to be sent.

    Events of other rooms are left out. Raises as `shared_room` does.
    """
    room = shared_room(room_id, origin)
    limit = min(limit, MOST_BACKFILLED)
    return mark_hidden(_Walk(room, limit).back_from(event_ids[:MOST_BACKFILLED]), origin)


def missing_events(room_id: str, gap: Gap, origin: str) -> list[EventRow]:
    """The events before `latest` up to `earliest`, both left out, in about the order they were sent in."""
    room = shared_room(room_id, origin)
    limit = min(gap.limit, MOST_MISSING)
    found: list[EventRow] = []
    seen = {*gap.earliest, *gap.latest}
    front = _rows(room, set(gap.latest[:MOST_BACKFILLED]).difference(gap.earliest))
    while front and len(found) < limit:
        wanted = {event_id for row in front for event_id in events.parse(row).prev_event_ids} - seen
        seen |= wanted
        front = [row for row in _rows(room, wanted) if row.depth >= gap.min_depth]
        found += [row for row in front if row.status != Status.REJECTED]
    found = sorted(found[:limit], key=lambda row: (row.depth, row.nid))
    return mark_hidden(found, origin)


def event_at(room_id: str, ts: int, origin: str, *, backwards: bool) -> EventRow:
    """The first event at or after `ts`, or the last at or before it; raises `NotFound` without one."""
    room = shared_room(room_id, origin)
    rows = history.by_time(room.nid, ts, after=None, backwards=backwards, limit=1)
    if not rows:
        raise NotFound(f"There is no event {'before' if backwards else 'after'} {ts}")
    return rows[0]


def _rows(room: RoomIdentity, event_ids: Iterable[str]) -> list[EventRow]:
    found = [row for row in events.rows_by_id(event_ids).values() if row.room_nid == room.nid]
    return sorted((row for row in found if not row.is_outlier), key=lambda row: (-row.depth, -row.nid))


class _Walk:
    """Goes back from events to those before them. What is probably next is read ahead."""

    def __init__(self, room: RoomIdentity, limit: int) -> None:
        self._room = room
        self._limit = limit
        self._ahead = 0
        self._read: dict[str, EventRow] = {}

    def back_from(self, event_ids: Sequence[str]) -> list[EventRow]:
        waiting: list[tuple[int, int, EventRow]] = []
        seen: set[str] = set()
        found: list[EventRow] = []
        self._push(waiting, seen, event_ids)
        for _ in range(_MOST_WALKED):
            if not waiting or len(found) >= self._limit:
                break
            row = heappop(waiting)[2]
            if row.status != Status.REJECTED:
                found.append(row)
            self._push(waiting, seen, events.parse(row).prev_event_ids)
        return found

    def _push(
        self, waiting: list[tuple[int, int, EventRow]], seen: set[str], event_ids: Iterable[str]
    ) -> None:
        new = [event_id for event_id in event_ids if event_id not in seen]
        seen.update(new)
        for row in self._find(new):
            heappush(waiting, (-row.depth, -row.nid, row))

    def _find(self, event_ids: list[str]) -> list[EventRow]:
        missing = [event_id for event_id in event_ids if event_id not in self._read]
        rows = _rows(self._room, missing) if missing else []
        self._read.update((row.event_id, row) for row in rows)
        if rows and self._ahead < _MOST_READ_AHEAD:
            self._ahead += 1
            before = (rows[0].depth, rows[0].nid)
            ahead = events.history(self._room.nid, before=before, limit=self._limit, backwards=True)
            self._read.update((row.event_id, row) for row in ahead)
        return [self._read[event_id] for event_id in event_ids if event_id in self._read]
