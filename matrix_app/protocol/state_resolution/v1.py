"""State resolution version 1, of room version 1."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Sequence
from hashlib import sha1

from matrix_app.protocol.event_auth.selection import JOIN_RULES_KEY, POWER_LEVELS_KEY
from matrix_app.protocol.events import Event
from matrix_app.protocol.state_resolution.auth_checks import AuthCheck, is_allowed, load_needed
from matrix_app.protocol.state_resolution.conflicts import StateIds, separate_v1, type_and_key
from matrix_app.protocol.state_resolution.store import EventStore, KnownEvents

# The types whose conflicts are resolved first, in this order.
_AUTH_TYPES = (POWER_LEVELS_KEY[0], JOIN_RULES_KEY[0], "m.room.member")


def resolve_v1(
    state_sets: Sequence[StateIds], store: EventStore, check: AuthCheck
) -> dict[type_and_key, str]:
    """The *resolution* of the states; a conflicted key of which nothing is allowed is left out."""
    conflicts = separate_v1(state_sets)
    known = KnownEvents(store)
    known.load(conflicts.conflicted_ids())
    candidates = {key: _candidates(key, known.among(ids)) for key, ids in conflicts.conflicted.items()}
    # Start with the union of the states, without what conflicts.
    state = conflicts.unconflicted
    load_needed(state, [event for events in candidates.values() for event in events], known)
    for event_type in _AUTH_TYPES:
        _resolve_type(event_type, candidates, state, known, check)
    # No other events affect the authorisation rules.
    state.update(
        {
            key: event.event_id
            for key, events in candidates.items()
            if key[0] not in _AUTH_TYPES and (event := _newest_allowed(events, state, known, check))
        }
    )
    return state


def _candidates(key: type_and_key, events: list[Event]) -> list[Event]:
    """By ascending depth, then descending sha1(event_id); without what was rejected or is of another key."""
    usable = [event for event in events if not event.rejected and (event.type, event.state_key) == key]
    usable.sort(key=_sha1_of_id, reverse=True)
    usable.sort(key=lambda event: event.depth)
    return usable


def _sha1_of_id(event: Event) -> bytes:
    # Any string can be an event ID in this version, even one that is not valid Unicode.
    return sha1(event.event_id.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()


def _resolve_type(
    event_type: str,
    candidates: dict[type_and_key, list[Event]],
    state: dict[type_and_key, str],
    known: KnownEvents,
    check: AuthCheck,
) -> None:
    # Each key sees the state before the pass: the order of the keys must not matter.
    state.update(
        {
            key: _last_of_allowed_run(key, events, state, known, check).event_id
            for key, events in candidates.items()
            if key[0] == event_type and events
        }
    )


def _last_of_allowed_run(
    key: type_and_key,
    events: list[Event],
    state: dict[type_and_key, str],
    known: KnownEvents,
    check: AuthCheck,
) -> Event:
    """Take the first event; then each next one, as long as the state with the one before allows it."""
    accepted = events[0]
    for event in events[1:]:
        with_accepted = ChainMap({key: accepted.event_id}, state)
        if not is_allowed(event, with_accepted, known, check):
            break
        accepted = event
    return accepted


def _newest_allowed(
    events: list[Event], state: StateIds, known: KnownEvents, check: AuthCheck
) -> Event | None:
    """The event with the highest depth and lowest sha1(event_id) that the state allows."""
    return next((event for event in reversed(events) if is_allowed(event, state, known, check)), None)
