"""What an event names as its `auth_events`: rule 2 of versions 1 to 11, rule 3 of version 12."""

from __future__ import annotations

from collections.abc import Iterable

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth.selection import CREATE_KEY, auth_types_for_event
from matrix_app.protocol.events import Event


def check_auth_events(event: Event, auth_events: Iterable[Event]) -> None:
    """Refuse an event that names the wrong auth events."""
    expected = auth_types_for_event(
        event.rules,
        type=event.type,
        sender=event.sender,
        state_key=event.state_key,
        content=event.content,
    )
    seen = set()
    for auth_event in auth_events:
        key = (auth_event.type, auth_event.state_key)
        # .1: no two for one type and state key.
        if key in seen:
            raise AuthorizationFailed(f"The event has two auth events for {key}")
        seen.add(key)
        # .2: none that the selection does not ask for.
        if key not in expected:
            raise AuthorizationFailed(f"The event must not have an auth event for {key}")
        # .3: none that was rejected.
        if auth_event.rejected:
            raise AuthorizationFailed(f"The auth event {auth_event.event_id} was rejected")
        # .5: none of another room.
        if auth_event.room_id != event.room_id:
            raise AuthorizationFailed(f"The auth event {auth_event.event_id} is of another room")
    # .4 up to version 11: the create event is among them.
    if not event.rules.room_id_is_create_hash and CREATE_KEY not in seen:
        raise AuthorizationFailed("The event does not have the create event among its auth events")
