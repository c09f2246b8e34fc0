"""The rooms that a user is in, as a sliding sync tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matrix_app.storage import events, interning, unread_counts
from matrix_app.storage.members import Membership
from matrix_app.sync.sliding import heroes, room_state
from matrix_app.sync.sliding.connection import LIVE, MOST_MEMBERS, Sent
from matrix_app.sync.sliding.ledger import DIRECT, Ledger
from matrix_app.sync.sliding.plan import Plan
from matrix_app.sync.sliding.request import SlidingRequest
from matrix_app.sync.sliding.required_state import matcher_of
from matrix_app.sync.sliding.room_state import RoomState
from matrix_app.sync.v2.render import Renderer
from matrix_app.sync.v2.timeline import Timeline
from matrix_app.sync.v2.timelines import read_first_timelines, read_timeline


@dataclass(slots=True)
class _Facts:
    """What is read for all rooms of an answer together."""

    timelines: dict[int, Timeline]
    states: dict[int, RoomState]
    counts: dict[int, unread_counts.RoomCounts]
    heroes: dict[int, list[dict[str, Any]]]


def tell(
    request: SlidingRequest, plans: Sequence[Plan], ledger: Ledger
) -> tuple[dict[int, dict[str, Any]], dict[int, Timeline]]:
    """What there is to tell of joined rooms, by nid, and their timelines; noted in the ledger."""
    if not plans:
        return {}, {}
    facts = _read(request, plans)
    rows = events.rows_by_nid({nid for state in facts.states.values() for nid in (*state.nids, *state.lazy)})
    renderer = Renderer(request.as_sync())
    renderer.add(facts.timelines.values(), rows)
    told: dict[int, dict[str, Any]] = {}
    for plan in plans:
        shown = _room(request, plan, facts, renderer, rows)
        _note(plan, facts.timelines.get(plan.nid), facts.states[plan.nid], ledger)
        if shown is not None:
            told[plan.nid] = shown
    return told, facts.timelines


def _read(request: SlidingRequest, plans: Sequence[Plan]) -> _Facts:
    timelines = _timelines(request, plans)
    states = room_state.gather(plans, timelines)
    if request.from_lost_time:
        room_state.add_everybody(plans, states)
    nids = [plan.nid for plan in plans]
    counts = unread_counts.counts(request.user_nid, nids)
    unnamed = [plan.nid for plan in plans if plan.room.name is None and states[plan.nid].members_changed]
    return _Facts(timelines, states, counts, heroes.of_rooms(unnamed, request.user_nid))


def _timelines(request: SlidingRequest, plans: Sequence[Plan]) -> dict[int, Timeline]:
    """The latest events of the rooms that have news, or of which more is wanted."""
    whole: dict[int, list[int]] = {}
    found: dict[int, Timeline] = {}
    for plan in plans:
        if plan.is_initial or plan.is_expanded:
            whole.setdefault(plan.config.limit, []).append(plan.nid)
        elif plan.has_news:
            sync = request.as_sync(plan.config.limit)
            # Who has been in the room since then may see all that came.
            found[plan.nid] = read_timeline(sync, plan.nid, plan.after, request.upto, check_visibility=False)
    for limit, nids in whole.items():
        found.update(read_first_timelines(request.as_sync(limit), nids))
    return found


def _room(
    request: SlidingRequest,
    plan: Plan,
    facts: _Facts,
    renderer: Renderer,
    rows: Mapping[int, events.EventRow],
) -> dict[str, Any] | None:
    """A room of the answer; None when nothing of it is new after all."""
    state, timeline = facts.states[plan.nid], facts.timelines.get(plan.nid)
    shown: dict[str, Any] = {}
    if plan.is_initial:
        shown.update(initial=True, membership=Membership(plan.room.membership).word)
    if plan.is_expanded:
        # Clients know it by this name until the proposal is accepted.
        shown["unstable_expanded_timeline"] = True
    required = [*renderer.state([*state.nids, *state.lazy], rows), *_stubs(state)]
    if required:
        shown["required_state"] = required
    if timeline is not None and (timeline.rows or timeline.limited or plan.is_initial):
        _add_timeline(shown, request, timeline, renderer)
        # Other servers may have what came before: clients ask for it when they are told so.
        shown["limited"] |= plan.is_initial and _begins_late(timeline)
    if plan.is_initial or plan.is_direct is not bool(plan.sent and plan.sent.flags & DIRECT):
        shown["is_dm"] = plan.is_direct
    _add_summary(shown, plan, state, facts.heroes.get(plan.nid))
    if shown or plan.is_read:
        counts = facts.counts[plan.nid]
        shown["notification_count"] = counts.notification
        shown["highlight_count"] = counts.highlight
    return shown or None


def _add_timeline(
    shown: dict[str, Any], request: SlidingRequest, timeline: Timeline, renderer: Renderer
) -> None:
    section = renderer.timeline(timeline)
    shown["timeline"] = section["events"]
    shown["limited"] = timeline.limited
    shown["prev_batch"] = timeline.prev_batch
    since = request.upto if request.since is None else request.since
    shown["num_live"] = sum((row.position or 0) > since for row in timeline.rows)


def _begins_late(timeline: Timeline) -> bool:
    return bool(timeline.rows) and timeline.rows[0].type != "m.room.create"


def _stubs(state: RoomState) -> list[dict[str, str]]:
    """State that is gone has neither content nor an event."""
    names = interning.key_names(state.removed)
    return [{"type": names[key][0], "state_key": names[key][1]} for key in state.removed]


def _add_summary(
    shown: dict[str, Any], plan: Plan, state: RoomState, found: list[dict[str, Any]] | None
) -> None:
    """What is shown in the list of rooms; only what may have changed."""
    room = plan.room
    changed = {kind for kind, key in interning.key_names(state.changed).values() if key == ""}
    if (plan.is_initial and room.name is not None) or "m.room.name" in changed:
        shown["name"] = room.name
    if (plan.is_initial and room.avatar_url is not None) or "m.room.avatar" in changed:
        shown["avatar"] = room.avatar_url
    if found is not None:
        shown["heroes"] = found
    if state.members_changed:
        shown["joined_count"] = room.joined_members
        shown["invited_count"] = room.invited_members
    if plan.is_initial or plan.has_news:
        shown["bump_stamp"] = room.bump_position or room.position


def _note(plan: Plan, timeline: Timeline | None, state: RoomState, ledger: Ledger) -> None:
    config, before = plan.config, plan.sent
    flags = DIRECT if plan.is_direct else 0
    members = tuple(state.lazy)
    limit, required = config.limit, config.state
    if before is not None:
        flags |= before.flags & ~DIRECT
        gap = timeline is not None and timeline.limited
        if not gap:
            limit = max(limit, before.limit)
            members = (before.members + members) if members else before.members
        if plan.earlier is not None and not _missed(plan, state):
            required = plan.earlier.union(required)
    sent = Sent(LIVE, limit, ledger.number(required), flags, members[-MOST_MEMBERS:])
    ledger.put(plan.nid, sent)


def _missed(plan: Plan, state: RoomState) -> bool:
    """Whether state changed that was asked for before, and is not any more."""
    if plan.earlier is None or plan.earlier == plan.config.state:
        return False
    if plan.earlier.lazy and not plan.config.state.lazy and (plan.has_news or plan.is_expanded):
        # Users have appeared, perhaps, of whom the client knows nothing.
        return True
    before = matcher_of(plan.earlier).select(state.changed)
    return not before <= matcher_of(plan.config.state).select(state.changed)
