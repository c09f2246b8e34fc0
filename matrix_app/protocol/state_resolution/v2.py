"""State resolution version 2 (room versions 2 to 11) and 2.1 (version 12)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from matrix_app.protocol.event_auth.selection import JOIN_RULES_KEY, POWER_LEVELS_KEY
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.protocol.state_resolution.auth_checks import AuthCheck, apply_allowed
from matrix_app.protocol.state_resolution.conflicts import Conflicts, StateIds, separate, type_and_key
from matrix_app.protocol.state_resolution.ordering import mainline_order, power_order
from matrix_app.protocol.state_resolution.store import EventStore, KnownEvents


def resolve_v2(
    rules: RoomVersion, state_sets: Sequence[StateIds], store: EventStore, check: AuthCheck
) -> dict[type_and_key, str]:
    """The *resolution* of the states, by the algorithm that `rules` name."""
    conflicts = separate(state_sets)
    if not conflicts.conflicted:
        return conflicts.unconflicted
    known = KnownEvents(store)
    full_conflicted_ids = _full_conflicted_set(rules, state_sets, conflicts, store)
    full = {event.event_id: event for event in known.among(full_conflicted_ids)}

    # 1. Select the power events with what they rest on, and sort them.
    first_ids = _power_events_with_chains(full, conflicts.conflicted_ids(), known, store)
    first = power_order([full[event_id] for event_id in first_ids], known)
    # 2. Apply them to the unconflicted state map; from version 2.1 to an empty one.
    state = {} if rules.state_resolution == "v2.1" else dict(conflicts.unconflicted)
    apply_allowed(state, first, known, check)
    # 3. Order all others by the mainline of the power levels so far.
    remaining = [event for event_id, event in full.items() if event_id not in first_ids]
    second = mainline_order(remaining, known.get(state.get(POWER_LEVELS_KEY)), known)
    # 4. Apply them too.
    apply_allowed(state, second, known, check)
    # 5. What is unconflicted stands.
    return state | conflicts.unconflicted


def _full_conflicted_set(
    rules: RoomVersion, state_sets: Sequence[StateIds], conflicts: Conflicts, store: EventStore
) -> set[str]:
    conflicted_ids = conflicts.conflicted_ids()
    full = conflicted_ids | store.auth_chain_difference([set(state.values()) for state in state_sets])
    if rules.state_resolution == "v2.1":
        full |= store.conflicted_subgraph(conflicted_ids)
    return full


def _is_power_event(event: Event) -> bool:
    # One that might remove someone's ability to do something in the room.
    if event.type in (POWER_LEVELS_KEY[0], JOIN_RULES_KEY[0]):
        return event.state_key is not None
    return (
        event.type == "m.room.member"
        and event.state_key is not None
        and event.content.get("membership") in ("leave", "ban")
        and event.sender != event.state_key
    )


def _power_events_with_chains(
    full: Mapping[str, Event], conflicted_ids: Collection[str], known: KnownEvents, store: EventStore
) -> set[str]:
    """The power events of the full conflicted set, and what of the set is in their auth chains."""
    power_ids = [event_id for event_id, event in full.items() if _is_power_event(event)]
    chosen = _reachable(power_ids, full)
    # A chain may leave the set and come back into it. Only a conflicted event can be found so: beyond an
    # event that is in the auth chains of all states nothing is in the auth difference.
    strays = (full.keys() & conflicted_ids) - chosen
    if chosen and strays:
        between = known.among(store.conflicted_subgraph(chosen | strays))
        chosen = _reachable(power_ids, {**full, **{event.event_id: event for event in between}})
    return chosen & full.keys()


def _reachable(start: Iterable[str], events: Mapping[str, Event]) -> set[str]:
    """`start`, and what of the events is reached from there along `auth_events`."""
    found = set(start)
    pending = list(found)
    while pending:
        for auth_id in events[pending.pop()].auth_event_ids:
            if auth_id in events and auth_id not in found:
                found.add(auth_id)
                pending.append(auth_id)
    return found
