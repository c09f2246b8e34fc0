"""The `required_state` of rooms: all that is asked for, or what of it changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from matrix_app.storage import events, interning, members, state
from matrix_app.storage.events import EventRow
from matrix_app.storage.state import Delta
from matrix_app.sync.sliding.plan import Plan
from matrix_app.sync.sliding.required_state import MEMBER, Matcher, matcher_of
from matrix_app.sync.v2.timeline import Timeline

_LATEST: Final = (1 << 63) - 1
# So many changes of state are looked at one by one. A client that was away for long may have missed more.
MOST_CHANGES = 5000
# What is told besides the state itself.
_NAME: Final = ("m.room.name", "")
_SHOWN: Final = (_NAME, ("m.room.avatar", ""))


@dataclass(slots=True)
class RoomState:
    """The state of one room in an answer."""

    nids: list[int] = field(default_factory=list)
    # Keys of state that is no longer there.
    removed: list[int] = field(default_factory=list)
    # Nids of member events that go along because of who appears, and the users whose membership changed.
    lazy: list[int] = field(default_factory=list)
    # Members came, went or changed; the keys that changed.
    members_changed: bool = False
    changed: set[int] = field(default_factory=set)


def gather(plans: Sequence[Plan], timelines: Mapping[int, Timeline]) -> dict[int, RoomState]:
    """The required state of joined rooms, by few statements for all of them."""
    found = {plan.nid: RoomState(members_changed=plan.is_initial) for plan in plans}
    asking = [plan for plan in plans if plan.is_initial or plan.earlier != plan.config.state]
    other = state.current_other([plan.nid for plan in asking]) if asking else {}
    for plan in asking:
        _add_present(found[plan.nid], plan, other.get(plan.nid, {}))
    for plan, deltas in _changes(plans):
        if deltas is None:
            _add_all_anew(found[plan.nid], plan)
        else:
            _add_changed(found[plan.nid], plan, deltas)
    _add_members(plans, asking, timelines, found)
    return found


def _add_present(found: RoomState, plan: Plan, other: Mapping[int, int]) -> None:
    """State that is asked for and was not before."""
    matcher = matcher_of(plan.config.state)
    wanted = matcher.select(other)
    if plan.earlier is not None:
        wanted -= matcher_of(plan.earlier).select(other)
    found.nids += [event for key, event in other.items() if key in wanted]
    if matcher.all_members and not (plan.earlier is not None and matcher_of(plan.earlier).all_members):
        found.nids += _all_members(plan.nid, matcher)


def _all_members(room_nid: int, matcher: Matcher) -> list[int]:
    rows = members.in_room(room_nid, list(members.Membership))
    if matcher.excludes:
        names = interning.user_ids(row.user_nid for row in rows)
        rows = [row for row in rows if matcher.matches_member(names[row.user_nid])]
    return [row.event_nid for row in rows]


def _named(plan: Plan) -> set[int]:
    """The members who are asked for by name and were not before."""
    matcher = matcher_of(plan.config.state)
    names = set() if matcher.all_members else set(matcher.member_ids)
    if plan.earlier is not None:
        names -= matcher_of(plan.earlier).member_ids
    return set(interning.user_nids(names).values())


def _changes(plans: Iterable[Plan]) -> Iterable[tuple[Plan, list[Delta] | None]]:
    """What changed in rooms since they were sent; None where it is too much to look at each change."""
    by_start: dict[int, list[Plan]] = {}
    for plan in plans:
        if not plan.is_initial and plan.has_news:
            by_start.setdefault(plan.after, []).append(plan)
    for after, group in by_start.items():
        by_room: dict[int, list[Delta]] = {}
        deltas = state.deltas([plan.nid for plan in group], after, limit=MOST_CHANGES)
        if len(deltas) == MOST_CHANGES:
            yield from ((plan, None) for plan in group)
            continue
        for delta in deltas:
            by_room.setdefault(delta.room_nid, []).append(delta)
        yield from ((plan, by_room[plan.nid]) for plan in group if plan.nid in by_room)


def _add_all_anew(found: RoomState, plan: Plan) -> None:
    """All state that is asked for, although the client may have it."""
    found.nids = []
    _add_present(found, replace(plan, earlier=None), state.current_other([plan.nid]).get(plan.nid, {}))
    found.members_changed = True
    found.changed = set(interning.find_keys(_SHOWN).values())


def _add_changed(found: RoomState, plan: Plan, deltas: Sequence[Delta]) -> None:
    final = {delta.key_nid: delta.event_nid for delta in deltas}
    found.changed = set(final)
    names = interning.key_names(final)
    member_keys = {key for key, (kind, _) in names.items() if kind == MEMBER}
    # A room that has lost its name is called by its heroes.
    found.members_changed = bool(member_keys) or _NAME in names.values()
    wanted = matcher_of(plan.config.state).select(final)
    already = set(found.nids)
    for key, event in final.items():
        if event is None and key in wanted:
            found.removed.append(key)
        elif event is not None and key in wanted and event not in already:
            found.nids.append(event)
    if plan.config.state.lazy:
        rest = [final[key] for key in member_keys - wanted]
        found.lazy += [event for event in rest if event is not None]


def _add_members(
    plans: Sequence[Plan],
    asking: Sequence[Plan],
    timelines: Mapping[int, Timeline],
    found: Mapping[int, RoomState],
) -> None:
    """The members who are asked for by name, and those who appear in timelines."""
    named = {plan.nid: _named(plan) for plan in asking}
    lazy = [plan for plan in plans if plan.config.state.lazy]
    appearing = _appearing(lazy, timelines)
    pairs = {(room, user) for each in (named, appearing) for room, users in each.items() for user in users}
    present = members.events_of_pairs(sorted(pairs))
    for nid, users in named.items():
        own = [present[(nid, user)] for user in users if (nid, user) in present]
        found[nid].nids += [event for event in own if event not in found[nid].nids]
    for plan in lazy:
        shown = [present.get((plan.nid, user)) for user in appearing.get(plan.nid, ())]
        _add_lazy(found[plan.nid], plan, timelines.get(plan.nid), [nid for nid in shown if nid is not None])


def add_everybody(plans: Iterable[Plan], found: Mapping[int, RoomState]) -> None:
    """Add all members of encrypted rooms, for a client that may encrypt for others than these."""
    for plan in plans:
        if plan.config.state.lazy and plan.room.encryption is not None:
            told = found[plan.nid]
            rows = members.in_room(plan.nid, list(members.Membership))
            known = {*told.nids, *told.lazy}
            told.lazy += [row.event_nid for row in rows if row.event_nid not in known]


def _add_lazy(found: RoomState, plan: Plan, timeline: Timeline | None, shown: Sequence[int]) -> None:
    # Where there is a gap, clients forget whom they knew; and only whom they see is of interest.
    gap = timeline is not None and timeline.limited
    known = set(found.nids)
    if plan.sent is not None and not gap:
        known.update(plan.sent.members)
    changed = [] if gap else found.lazy
    found.lazy = [nid for nid in dict.fromkeys([*changed, *shown]) if nid not in known]


def _appearing(lazy: Sequence[Plan], timelines: Mapping[int, Timeline]) -> dict[int, set[int]]:
    """Who appears in the events that the client gets, by room."""
    found = {plan.nid: _users(timelines[plan.nid].rows) for plan in lazy if plan.nid in timelines}
    # Those who appear in what the client got when it did not ask for members.
    newly = {
        plan.nid: plan.sent.limit for plan in lazy if plan.sent and plan.earlier and not plan.earlier.lazy
    }
    if newly and any(newly.values()):
        for nid, rows in events.timelines(list(newly), _LATEST, max(newly.values())).items():
            found[nid] = found.get(nid, set()) | _users(rows[: newly[nid]])
    for plan in lazy:
        if plan.nid in found:
            # Of members who are asked for by name the client always knows.
            named = matcher_of(plan.config.state).member_ids
            found[plan.nid].difference_update(interning.user_nids(named).values())
    return found


def _users(rows: Iterable[EventRow]) -> set[int]:
    """Who sent events, and whose membership they are about."""
    rows = list(rows)
    users = {row.sender_nid for row in rows}
    keys = {row.key_nid for row in rows if row.type == MEMBER and row.key_nid is not None}
    if keys:
        users.update(interning.user_nids(name for _, name in interning.key_names(keys).values()).values())
    return users
