"""Rooms that the user left or was removed from, as a sliding sync tells of them: once, up to that event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matrix_app.storage import events, interning, state
from matrix_app.storage.events import EventRow
from matrix_app.storage.members import Membership
from matrix_app.sync.sliding.connection import LIVE, OVER, Sent
from matrix_app.sync.sliding.ended_stays import was_there
from matrix_app.sync.sliding.ledger import Ledger
from matrix_app.sync.sliding.plan import Plan
from matrix_app.sync.sliding.request import SlidingRequest
from matrix_app.sync.sliding.required_state import RequiredState, matcher_of
from matrix_app.sync.v2.render import Renderer
from matrix_app.sync.v2.timeline import Timeline
from matrix_app.sync.v2.timelines import read_timeline


@dataclass(slots=True)
class _Over:
    plan: Plan
    timeline: Timeline
    state_nids: list[int]
    name: str | None = None


def tell(request: SlidingRequest, plans: Sequence[Plan], ledger: Ledger) -> dict[int, dict[str, Any]]:
    """What there is to tell of rooms that are over, by nid; noted in the ledger."""
    if not plans:
        return {}
    ends = events.rows_by_nid([plan.room.event_nid for plan in plans])
    gathered = [
        _gather(request, plan, ends[plan.room.event_nid]) for plan in plans if plan.room.event_nid in ends
    ]
    rows = events.rows_by_nid({nid for over in gathered for nid in over.state_nids})
    renderer = Renderer(request.as_sync())
    renderer.add([over.timeline for over in gathered], rows)
    for plan in plans:
        if plan.room.membership == Membership.LEAVE and plan.room.sender_nid == request.user_nid:
            # Who left knows it. The room comes anew should the user return.
            ledger.drop(plan.nid)
        else:
            ledger.put(plan.nid, Sent(LIVE, OVER, ledger.number(RequiredState())))
    return {over.plan.nid: _room(over, renderer, rows) for over in gathered}


def _gather(request: SlidingRequest, plan: Plan, end: EventRow) -> _Over:
    room, limit = plan.room, plan.config.limit
    own = [end.nid] if _wants(plan, end) else []
    if end.is_outlier or end.state_after is None or not was_there(request.user_nid, room):
        # An invite or a knock that came to nothing: of the room itself there is nothing to see.
        return _Over(plan, Timeline([end] if limit else [], False, room.position - 1), own)
    sync = request.as_sync(limit)
    timeline = read_timeline(sync, room.room_nid, plan.after, room.position, check_visibility=True)
    if plan.is_initial:
        at_end = state.load(end.state_after)
    else:
        deltas = state.deltas([room.room_nid], plan.after, room.position)
        at_end = {delta.key_nid: delta.event_nid for delta in deltas if delta.event_nid is not None}
    wanted = matcher_of(plan.config.state).select(at_end)
    nids = [event for key, event in at_end.items() if key in wanted]
    name = _name(at_end) if plan.is_initial else None
    return _Over(plan, timeline, list(dict.fromkeys([*nids, *own])), name)


def _name(at_end: Mapping[int, int]) -> str | None:
    """The room's name when it ended for the user."""
    key = interning.find_key("m.room.name", "")
    nid = at_end.get(key or 0)
    found = events.events_by_nid([nid])[nid].content.get("name") if nid is not None else None
    return found if isinstance(found, str) and found else None


def _wants(plan: Plan, end: EventRow) -> bool:
    """Whether the user's own member event is asked for."""
    required = plan.config.state
    return required.lazy or (end.key_nid is not None and bool(matcher_of(required).select([end.key_nid])))


def _room(over: _Over, renderer: Renderer, rows: Mapping[int, EventRow]) -> dict[str, Any]:
    room, timeline = over.plan.room, over.timeline
    section = renderer.timeline(timeline)
    shown: dict[str, Any] = {
        "membership": Membership(room.membership).word,
        "bump_stamp": room.position,
        "timeline": section["events"],
        "limited": timeline.limited,
        "prev_batch": timeline.prev_batch,
        "required_state": renderer.state(over.state_nids, rows),
        "num_live": 0 if over.plan.is_initial else len(timeline.rows),
    }
    if over.plan.is_initial:
        shown["initial"] = True
        if over.name is not None:
            shown["name"] = over.name
    return shown
