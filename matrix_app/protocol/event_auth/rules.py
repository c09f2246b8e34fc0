"""The authorisation rules of all room versions, in the specification's order.

"Authorisation rules" of each room version. Numbers in comments are those of versions 1 to 5, then of
versions 6 to 11 (without the rule for aliases) and of version 12 (with the rule on room IDs).
"""

from __future__ import annotations

from collections.abc import Iterable

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth.auth_events import check_auth_events
from matrix_app.protocol.event_auth.create import check_create, check_federation, create_event_of
from matrix_app.protocol.event_auth.identifiers import server_of
from matrix_app.protocol.event_auth.membership import check_membership, check_sender_joined
from matrix_app.protocol.event_auth.power_level_changes import check_power_levels
from matrix_app.protocol.event_auth.power_levels import PowerLevels
from matrix_app.protocol.event_auth.redaction import check_redaction
from matrix_app.protocol.event_auth.selection import auth_types_for_event
from matrix_app.protocol.events import Event, StateMap


def check_state_independent(event: Event, auth_events: Iterable[Event]) -> None:
    """Raise `AuthorizationFailed` for what is wrong whatever the room's state is.

    `auth_events` are all the events that `event.auth_event_ids` names. This is done once per event.
    """
    # 1: the create event has its own rule, and nothing before it.
    if event.type == "m.room.create":
        check_create(event)
        return
    # 2 (3 in version 12): the auth events.
    check_auth_events(event, auth_events)


def check_state_dependent(event: Event, state: StateMap) -> None:
    """Raise `AuthorizationFailed` if the event is not allowed in a room of this state.

    `state` has at least what `auth_types_for_event` lists, where it exists, and always the create event
    (which version 12 does not list). All of it is of the event's room.
    """
    # 1
    if event.type == "m.room.create":
        check_create(event)
        return
    # 2 of version 12, and the create event that all else rests on.
    create = create_event_of(event, state)
    # 3, 3, 4
    check_federation(event, create)
    # 4: aliases, up to version 5.
    if event.type == "m.room.aliases" and event.rules.aliases_special_case:
        _check_aliases(event)
        return
    # 5, 4, 5
    if event.type == "m.room.member":
        check_membership(event, state)
        return
    # 6, 5, 6: who sends is in the room.
    check_sender_joined(event, state)
    _check_sending(event, state)


def check_event(event: Event, state: StateMap) -> None:
    """Both checks for an event that was made here upon `state`; raises `AuthorizationFailed`.

    Its auth events must be events of that state.
    """
    selected = auth_types_for_event(
        event.rules,
        type=event.type,
        sender=event.sender,
        state_key=event.state_key,
        content=event.content,
    )
    known = {found.event_id: found for key in selected if (found := state.get(key)) is not None}
    for event_id in event.auth_event_ids:
        if event_id not in known:
            raise AuthorizationFailed(f"The auth event {event_id} is not one that the state selects")
    check_state_independent(event, [known[event_id] for event_id in event.auth_event_ids])
    check_state_dependent(event, state)


def _check_aliases(event: Event) -> None:
    # 4.1 and 4.2: aliases are state, kept by each server for itself.
    if event.state_key is None or event.state_key != server_of(event.sender):
        raise AuthorizationFailed("The state key of aliases must be the sender's server")


def _check_sending(event: Event, state: StateMap) -> None:
    """The rules from 7 (6 in versions 6 to 11) on, for a sender who is in the room."""
    levels = PowerLevels.from_state(state, event.rules)
    sender_level = levels.user_level(event.sender)
    # 7, 6, 7: third-party invites take the invite level and nothing else.
    if event.type == "m.room.third_party_invite":
        if sender_level < levels.invite:
            raise AuthorizationFailed(f"{event.sender} may not invite")
        return
    # 8, 7, 8: the required power level of the event type.
    if sender_level < levels.level_for_event(event.type, event.is_state):
        raise AuthorizationFailed(f"{event.sender} may not send {event.type}")
    # 9, 8, 9: a state key that is a user's belongs to that user.
    if event.state_key is not None and event.state_key[:1] == "@" and event.state_key != event.sender:
        raise AuthorizationFailed("The state key is another user's")
    # 10, 9, 10
    if event.type == "m.room.power_levels":
        check_power_levels(event, state)
    # 11 of versions 1 and 2
    elif event.type == "m.room.redaction":
        check_redaction(event, state)
