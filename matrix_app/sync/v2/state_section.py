"""The state of a room in a sync: what a client must know besides the timeline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from matrix_app.services.event_filter import passing
from matrix_app.storage import events, interning, members, rooms, state
from matrix_app.storage.events import EventRow
from matrix_app.storage.state import Delta
from matrix_app.sync.v2 import lazy_members
from matrix_app.sync.v2.request import SyncRequest
from matrix_app.sync.v2.timeline import Timeline


def full_state(
    request: SyncRequest,
    room_nid: int,
    other: Mapping[int, int],
    timeline: Timeline,
    deltas: Sequence[Delta],
    heroes: Iterable[int],
    *,
    lazy: bool,
) -> list[int]:
    """The event nids of the whole state: before what the timeline shows, or after it.

    `other` is the present state but for members; `deltas` are the changes after the timeline's start.
    Those which the timeline does not show, because a filter leaves them out, are part of the state.
    `lazy`: of members only those who appear.
    """
    lazy_members.forget_room(request.requester.device_nid, room_nid)
    later = _to_undo(request, timeline, deltas)
    if lazy:
        keys = interning.key_names(delta.key_nid for delta in later)
        not_members = [delta for delta in later if keys[delta.key_nid][0] != "m.room.member"]
        at_start = state.undo(other, not_members)
        wanted = {*heroes, request.user_nid, *_changed_unseen(request, room_nid, timeline)}
        member_nids = _lazy(request, room_nid, timeline, later, wanted, set())
        return [*at_start.values(), *member_nids]
    return list(state.undo(state.current_full(room_nid), later).values())


def _changed_unseen(request: SyncRequest, room_nid: int, timeline: Timeline) -> set[int]:
    """Whose membership changed since the last sync but for what the timeline shows itself.

    "When a sync is limited, the server MUST return membership events for events in the gap", also where the
    user has left and come back since: a client may go on from the members that it knew.
    """
    if request.since is None:
        return set()
    shown = set() if request.use_state_after else {row.nid for row in timeline.rows}
    changed = {
        delta.key_nid
        for delta in state.deltas([room_nid], request.after, request.upto)
        if delta.event_nid not in shown
    }
    names = interning.key_names(changed)
    return set(interning.user_nids(key for kind, key in names.values() if kind == "m.room.member").values())


def changed_state(
    request: SyncRequest,
    room_nid: int,
    timeline: Timeline,
    deltas: Sequence[Delta],
    heroes: Iterable[int],
) -> list[int]:
    """The event nids of what changed since the last sync, up to the timeline's start or its end.

    Changes during the timeline which it does not show itself (state resolution brings such) go along.
    """
    shown = {row.nid for row in timeline.rows}
    changed: dict[int, int] = {}
    for delta in deltas:
        if delta.event_nid is None or delta.position > request.upto:
            continue
        before_timeline = delta.position <= timeline.start
        if request.use_state_after or before_timeline or delta.event_nid not in shown:
            changed[delta.key_nid] = delta.event_nid
    if not request.lazy:
        return list(changed.values())
    later = _to_undo(request, timeline, deltas)
    already = set(changed.values())
    return [*changed.values(), *_lazy(request, room_nid, timeline, later, heroes, already)]


def _to_undo(request: SyncRequest, timeline: Timeline, deltas: Iterable[Delta]) -> list[Delta]:
    """The changes that the present state has and this sync's must not: those to come, and those shown."""
    shown = set() if request.use_state_after else {row.nid for row in timeline.rows}
    return [delta for delta in deltas if delta.position > request.upto or delta.event_nid in shown]


def _lazy(
    request: SyncRequest,
    room_nid: int,
    timeline: Timeline,
    later: Sequence[Delta],
    others: Iterable[int],
    already: set[int],
) -> list[int]:
    """Member events of those who appear in the timeline and of others, without what the device has."""
    wanted = {row.sender_nid for row in timeline.rows} | set(others)
    if not timeline.rows:
        wanted.add(request.user_nid)
    if not wanted:
        return []
    present = {nid: row.event_nid for nid, row in members.get_many(room_nid, wanted).items()}
    if later:
        _undo_members(present, later)
    shown = {row.nid for row in timeline.rows} if not request.use_state_after else set()
    nids = [nid for nid in present.values() if nid not in already and nid not in shown]
    if request.filter.room.state.include_redundant_members:
        return nids
    return lazy_members.not_sent(
        request.requester.device_nid, room_nid, nids, after=request.after, upto=request.upto
    )


def _undo_members(present: dict[int, int], later: Sequence[Delta]) -> None:
    names = interning.key_names(delta.key_nid for delta in later)
    users = interning.user_nids(key for kind, key in names.values() if kind == "m.room.member")
    for delta in reversed(later):
        kind, user_id = names[delta.key_nid]
        if kind != "m.room.member" or users.get(user_id) not in present:
            continue
        if delta.previous_event_nid is None:
            del present[users[user_id]]
        else:
            present[users[user_id]] = delta.previous_event_nid


def load_rows(request: SyncRequest, nids: Iterable[int]) -> dict[int, EventRow]:
    """The state events of a sync which the filter lets through, of all its rooms at once."""
    wanted = request.filter.room.state
    nids = list(nids)
    if not nids or wanted.blocks_everything():
        return {}
    rows = events.rows_by_nid(nids)
    if wanted.passes_everything():
        return rows
    by_room: dict[int, list[EventRow]] = {}
    for row in rows.values():
        by_room.setdefault(row.room_nid, []).append(row)
    return {
        row.nid: row
        for room_nid, found in by_room.items()
        for row in passing(found, wanted, rooms.by_nid(room_nid).room_id)
    }
