"""Authorising events against a state that is still being resolved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth import auth_types_for_event
from matrix_app.protocol.event_auth.selection import CREATE_KEY
from matrix_app.protocol.events import Event, StateMap
from matrix_app.protocol.state_resolution.conflicts import StateIds, type_and_key
from matrix_app.protocol.state_resolution.store import KnownEvents

AuthCheck = Callable[[Event, StateMap], None]


def apply_allowed(
    state: dict[type_and_key, str], events: Sequence[Event], known: KnownEvents, check: AuthCheck
) -> None:
    """The *iterative auth checks algorithm*: put into `state`, one after the other, what it allows.

    An event that was rejected on receipt is never put there: rejection is final in Hearth. That is no
    loss: whatever names a rejected event among its auth events is rejected too, so no event in a state
    has one in its auth chain.
    """
    known.load_auth_events(events)
    load_needed(state, events, known)
    for event in events:
        if event.state_key is None or event.rejected:
            continue
        cited = {key: auth for key, auth in known.auth_events(event).items() if not auth.rejected}
        if is_allowed(event, state, known, check, cited):
            state[event.type, event.state_key] = event.event_id


def is_allowed(
    event: Event,
    state: StateIds,
    known: KnownEvents,
    check: AuthCheck,
    cited: Mapping[type_and_key, Event] | None = None,
) -> bool:
    """Whether the rules allow the event in `state`, completed by what it cites."""
    try:
        check(event, _auth_state(event, state, known, cited or {}))
    except AuthorizationFailed:
        return False
    return True


def load_needed(state: StateIds, events: Iterable[Event], known: KnownEvents) -> None:
    """Fetch, in one request, the events of `state` that checks of the events will look at."""
    known.load({state[key] for event in events for key in _needed(event) if key in state})


def _auth_state(
    event: Event, state: StateIds, known: KnownEvents, cited: Mapping[type_and_key, Event]
) -> dict[type_and_key, Event]:
    # "If a key that is required for checking the authorisation rules is not present in the state, then
    # the appropriate state event from the event's auth_events is used if [it] is not rejected."
    found: dict[type_and_key, Event] = {}
    for key in _needed(event):
        present = known.get(state.get(key))
        if present is not None and not present.rejected:
            found[key] = present
        elif key in cited:
            found[key] = cited[key]
    # The room ID decides which is the create event, where it is made from one.
    if event.rules.room_id_is_create_hash and CREATE_KEY in cited:
        found[CREATE_KEY] = cited[CREATE_KEY]
    return found


def _needed(event: Event) -> list[type_and_key]:
    return auth_types_for_event(
        event.rules,
        type=event.type,
        sender=event.sender,
        state_key=event.state_key,
        content=event.content,
    )
