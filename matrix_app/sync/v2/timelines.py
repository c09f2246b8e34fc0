"""The timelines of a sync: the newest events of each room, as far as the filter wants them."""

from __future__ import annotations

from collections.abc import Sequence

from matrix_app.protocol.filters import RoomEventFilter
from matrix_app.services.event_filter import matching
from matrix_app.services.visibility import filter_visible
from matrix_app.storage import events, rooms, state
from matrix_app.storage.events import EventRow
from matrix_app.sync import memo
from matrix_app.sync.v2 import windows
from matrix_app.sync.v2.request import SyncRequest
from matrix_app.sync.v2.timeline import Timeline

DEFAULT_LIMIT = 10
MOST = 100
# How many events are looked at, and how often, for those that filters let through.
LOOK_AT = 100
ROUNDS = 10


def read_timeline(
    request: SyncRequest, room_nid: int, after: int, upto: int, *, check_visibility: bool
) -> Timeline:
    """The newest events of a room with after < position <= upto which the filter lets through.

    When filters or history visibility leave many out, a bounded number of events is looked at.
    """
    wanted = request.filter.room.timeline
    limit = wanted.capped_limit(DEFAULT_LIMIT, MOST)
    if wanted.blocks_everything() or not wanted.wants_room(rooms.by_nid(room_nid).room_id):
        return Timeline([], False, upto)
    if limit == 0:
        return Timeline([], bool(events.timeline(room_nid, after, upto, 1)), upto)
    if not check_visibility and wanted.passes_everything() and not memo.ignored_users(request.user_nid):
        return windows.shared(room_nid, after, upto, limit)
    found: list[EventRow] = []
    high, size = upto, max(limit + 1, LOOK_AT)
    for _ in range(ROUNDS):
        batch = events.timeline(room_nid, after, high, size)
        found.extend(_passed(request, wanted, batch, check_visibility=check_visibility))
        if len(batch) < size or len(found) > limit:
            break
        high = (batch[-1].position or 1) - 1
    else:
        return Timeline(list(reversed(found[:limit])), True, high)
    limited = len(found) > limit
    kept = list(reversed(found[:limit]))
    start = (kept[0].position or 1) - 1 if limited else after
    return Timeline(kept, limited, start)


def read_first_timelines(request: SyncRequest, room_nids: Sequence[int]) -> dict[int, Timeline]:
    """The timelines of rooms that are new to the client, by few statements for all of them."""
    wanted = request.filter.room.timeline
    limit = wanted.capped_limit(DEFAULT_LIMIT, MOST)
    if not room_nids or wanted.blocks_everything() or limit == 0 or wanted.names_rooms():
        return {nid: read_timeline(request, nid, 0, request.upto, check_visibility=True) for nid in room_nids}
    batches = events.timelines(room_nids, request.upto, limit + 1)
    every = [row for batch in batches.values() for row in batch]
    passed: dict[int, list[EventRow]] = {nid: [] for nid in room_nids}
    for row in _passed(request, wanted, every, check_visibility=True):
        passed[row.room_nid].append(row)
    return {nid: _first(request, nid, batches[nid], passed[nid], limit) for nid in room_nids}


def _first(
    request: SyncRequest, nid: int, batch: list[EventRow], found: list[EventRow], limit: int
) -> Timeline:
    if len(batch) <= limit:
        return Timeline(list(reversed(found)), limited=False, start=0)
    if len(found) <= limit:
        # Some are hidden, and there are more: look further back.
        return read_timeline(request, nid, 0, request.upto, check_visibility=True)
    kept = list(reversed(found[:limit]))
    return Timeline(kept, limited=True, start=(kept[0].position or 1) - 1)


def _passed(
    request: SyncRequest, wanted: RoomEventFilter, batch: list[EventRow], *, check_visibility: bool
) -> list[EventRow]:
    if check_visibility:
        visible = filter_visible(batch, request.user_nid, ignored=memo.ignored_users(request.user_nid))
        batch = visible if len(visible) == len(batch) else _with_current_state(batch, visible)
    else:
        batch = _without_ignored(batch, request.user_nid)
    return matching(batch, wanted)


def _with_current_state(batch: list[EventRow], visible: list[EventRow]) -> list[EventRow]:
    """The visible events, and those which are part of the present state: the client gets that anyway."""
    shown = {row.nid for row in visible}
    hidden: dict[int, list[int]] = {}
    for row in batch:
        if row.key_nid is not None and row.nid not in shown:
            hidden.setdefault(row.room_nid, []).append(row.key_nid)
    for room_nid, keys in hidden.items():
        shown.update(state.current(room_nid, keys).values())
    return [row for row in batch if row.nid in shown]


def _without_ignored(batch: list[EventRow], user_nid: int) -> list[EventRow]:
    ignored = memo.ignored_users(user_nid)
    if not ignored:
        return batch
    return [row for row in batch if row.key_nid is not None or row.sender_nid not in ignored]
