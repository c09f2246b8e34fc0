"""The rooms that a user is not joined to, as a sync shows them: invited, knocked, left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import orjson
from orjson import Fragment

from matrix_app.protocol.filters import matcher_of
from matrix_app.services.event_filter import passing
from matrix_app.services.last_stay import last_stay
from matrix_app.storage import account_data, events, interning, invite_state, members, rooms, state
from matrix_app.storage.events import EventRow
from matrix_app.storage.members import MemberRow, Membership
from matrix_app.storage.state import Delta
from matrix_app.sync import memo
from matrix_app.sync.v2 import lazy_members, state_section
from matrix_app.sync.v2.render import Renderer
from matrix_app.sync.v2.request import SyncRequest
from matrix_app.sync.v2.scope import Scope
from matrix_app.sync.v2.timeline import Timeline
from matrix_app.sync.v2.timelines import read_timeline


@dataclass(slots=True)
class LeftRoom:
    """A room that the user has left, or was banned from."""

    row: MemberRow
    timeline: Timeline
    state_nids: list[int]


def pending(request: SyncRequest, scope: Scope, membership: Membership) -> dict[str, Any]:
    """The `invite` or the `knock` section: rooms with their stripped state."""
    anew = request.since is None or request.full_state
    rows = _rows(request, scope, (membership,), anew=anew)
    if membership == Membership.INVITE:
        rows = [row for row in rows if memo.shows_invite(request.user_nid, row.sender_nid)]
    if not rows:
        return {}
    stripped = invite_state.get_many(request.user_nid, [row.room_nid for row in rows])
    key = "invite_state" if membership == Membership.INVITE else "knock_state"
    return {
        rooms.by_nid(row.room_nid).room_id: {key: {"events": Fragment(stripped.get(row.room_nid, b"[]"))}}
        for row in rows
    }


def _rows(
    request: SyncRequest,
    scope: Scope,
    memberships: Iterable[Membership],
    *,
    anew: bool,
    forgotten: bool = False,
) -> list[MemberRow]:
    """All memberships of these kinds, or those which changed since the last sync."""
    if anew:
        found = members.of_user(request.user_nid, memberships)
    else:
        wanted = set(memberships)
        found = [row for row in scope.changed.values() if row.membership in wanted]
    wants = request.filter.room.wants_room
    shown = [row for row in found if forgotten or not row.forgotten]
    return [row for row in shown if wants(rooms.by_nid(row.room_nid).room_id)]


def gather_left(request: SyncRequest, scope: Scope) -> list[LeftRoom]:
    """Rooms left since the last sync; those left before only where the filter asks for them.

    A client that may believe to be in one of them is told of each that it is not.
    """
    every = request.filter.room.include_leave or request.from_lost_time
    if request.since is None and not every:
        return []
    anew = request.since is None or (request.full_state and every)
    # Who left and forgot since the last sync is still told that the room is over.
    rows = _rows(request, scope, (Membership.LEAVE, Membership.BAN), anew=anew, forgotten=not anew)
    if request.from_lost_time:
        ends = events.rows_by_nid([row.event_nid for row in rows])
        return [_ended(request, row, ends[row.event_nid]) for row in rows if row.event_nid in ends]
    left = [_left_room(request, row) for row in rows]
    return [room for room in left if room is not None]


def _left_room(request: SyncRequest, row: MemberRow) -> LeftRoom | None:
    end = events.rows_by_nid([row.event_nid]).get(row.event_nid)
    if end is None:
        return None
    if end.is_outlier or end.state_after is None:
        # An invite from another server that came to nothing: this server was never in the room.
        return _ended(request, row, end)
    deltas = state.deltas([row.room_nid], request.after, row.position)
    earlier = _earlier_memberships(row, deltas)
    if row.forgotten and not {"join", "invite", "knock"}.intersection(earlier):
        return None
    lazy_members.forget_room(request.requester.device_nid, row.room_nid)
    wants_room = request.since is None or request.full_state or "join" in earlier
    stay = last_stay(row, ("m.room.member", request.requester.user_id)) if wants_room else None
    if stay is None:
        # Who was only invited, or banned without having been there, learns nothing of the room but that.
        return _ended(request, row, end)
    return _stayed(request, row, stay.ended, earlier, deltas)


def _stayed(
    request: SyncRequest, row: MemberRow, last: EventRow, earlier: list[str], deltas: list[Delta]
) -> LeftRoom:
    """A room as it was up to `last`, which ended the user's last stay there."""
    was = earlier[:1] == ["join"]
    whole = request.since is None or ("join" in earlier and not was)
    upto = row.position if last.nid == row.event_nid else last.position or 0
    after = 0 if whole else min(request.after, upto)
    timeline = read_timeline(request, row.room_nid, after, upto, check_visibility=True)
    if whole or request.full_state:
        state_nids = _whole_state(request, row, timeline, last, upto)
    else:
        during = [delta for delta in deltas if delta.position <= upto]
        state_nids = state_section.changed_state(request, row.room_nid, timeline, during, ())
    if last.nid != row.event_nid:
        # Banned since, or asked to come back in vain.
        ended = _ended(request, row, events.rows_by_nid([row.event_nid])[row.event_nid])
        timeline = replace(timeline, rows=[*timeline.rows, *ended.timeline.rows], is_shared=False)
        state_nids = list(dict.fromkeys([*state_nids, *ended.state_nids]))
    return LeftRoom(row, timeline, state_nids)


def _ended(request: SyncRequest, row: MemberRow, end: EventRow) -> LeftRoom:
    """A room of which no more is told than by which event it is over."""
    wanted = request.filter.room.timeline
    is_news = row.position > request.after or request.from_lost_time
    shown = is_news and wanted.limit != 0
    room_id = rooms.by_nid(row.room_nid).room_id
    timeline = Timeline(passing([end], wanted, room_id) if shown else [], False, row.position - 1)
    return LeftRoom(row, timeline, _own_end(request, row))


def _own_end(request: SyncRequest, row: MemberRow) -> list[int]:
    """The event by which it is over, where clients look for changes in the state alone."""
    return [row.event_nid] if request.use_state_after else []


def _earlier_memberships(row: MemberRow, deltas: Iterable[Delta]) -> list[str]:
    """What the user's membership was at the last sync, and at each time since before it became what it is."""
    key = interning.find_key("m.room.member", interning.user_id_of(row.user_nid))
    own = [delta for delta in deltas if delta.key_nid == key]
    nids = [delta.previous_event_nid for delta in own if delta.previous_event_nid is not None]
    found = events.events_by_nid(nids)
    return [
        "leave"
        if delta.previous_event_nid is None
        else str(found[delta.previous_event_nid].content.get("membership"))
        for delta in own
    ]


def _whole_state(
    request: SyncRequest, row: MemberRow, timeline: Timeline, last: EventRow, upto: int
) -> list[int]:
    """The state when the user left, before the changes which the timeline shows itself."""
    present = state.load(last.state_after) if last.state_after is not None else {}
    if request.use_state_after or not timeline.rows:
        return list(present.values())
    shown = {event.nid for event in timeline.rows}
    later = state.deltas([row.room_nid], timeline.start, upto)
    return list(state.undo(present, [delta for delta in later if delta.event_nid in shown]).values())


def render_left(
    request: SyncRequest, left: Iterable[LeftRoom], renderer: Renderer, state_rows: dict[int, events.EventRow]
) -> dict[str, Any]:
    """The `leave` section."""
    return {
        rooms.by_nid(room.row.room_nid).room_id: {
            "timeline": renderer.timeline(room.timeline),
            renderer.state_key: {"events": renderer.state(room.state_nids, state_rows)},
            "account_data": {"events": _account_data(request, room)},
        }
        for room in left
    }


def _account_data(request: SyncRequest, room: LeftRoom) -> list[Any]:
    if request.since is not None:
        return []
    matcher, room_id = matcher_of(request.filter.room.account_data), rooms.by_nid(room.row.room_nid).room_id
    return [
        {"type": entry.type, "content": orjson.loads(entry.content)}
        for entry in account_data.of_rooms(request.user_nid, [room.row.room_nid])
        if matcher.matches(type=entry.type, room_id=room_id)
    ]
