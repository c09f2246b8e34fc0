"""Rooms that the user left or was removed from, as a sliding sync tells of them: once, up to that event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from matrix_app.storage import events, interning, state
from matrix_app.storage.events import EventRow
from matrix_app.storage.members import Membership
from matrix_app.sync.sliding.connection import LIVE, OVER, Sent
from matrix_app.sync.sliding.ended_stays import end_of_stay
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
    lasts = {plan.nid: end_of_stay(request.user_nid, plan.room) for plan in plans}
    ends = events.rows_by_nid(
        {*(plan.room.event_nid for plan in plans), *(nid for nid in lasts.values() if nid)}
    )
    gathered = [
        _gather(request, plan, ends[plan.room.event_nid], ends.get(lasts[plan.nid] or 0))
        for plan in plans
        if plan.room.event_nid in ends
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


def _gather(request: SlidingRequest, plan: Plan, end: EventRow, last: EventRow | None) -> _Over:
    """What there is to tell of one: what happened up to `last`, by which the user's stay ended."""
    own = [end.nid] if _wants(plan, end) else []
    shown = [end] if plan.config.limit else []
    if end.is_outlier or last is None or last.state_after is None:
        # An invite or a knock that came to nothing: of the room itself there is nothing to see.
        return _Over(plan, Timeline(shown, False, plan.room.position - 1), own)
    upto = plan.room.position if last.nid == end.nid else last.position or 0
    after = min(plan.after, upto)
    timeline = read_timeline(request.as_sync(plan.config.limit), plan.nid, after, upto, check_visibility=True)
    if last.nid != end.nid:
        # Banned since, or asked to come back in vain.
        timeline = replace(timeline, rows=[*timeline.rows, *shown], is_shared=False)
    if plan.is_initial:
        at_end = state.load(last.state_after)
    else:
        deltas = state.deltas([plan.nid], after, upto)
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
