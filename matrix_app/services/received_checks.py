"""The authorisation of received events ("Checks performed on receipt of a PDU", 4 to 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth import (
    auth_types_for_event,
    check_state_dependent,
    check_state_independent,
)
from matrix_app.protocol.events import Event, type_and_key
from matrix_app.services import policy_servers
from matrix_app.services.policy_servers import UnrecommendedError
from matrix_app.services.state_forks import PlannedState
from matrix_app.storage import events, interning, state
from matrix_app.storage.events import Status
from matrix_app.storage.rooms import RoomIdentity

CREATE = ("m.room.create", "")


def needed_ids(event: Event) -> list[str]:
    """The IDs of what authorises an event: its auth events, and the create event that a room ID implies."""
    if event.rules.room_id_is_create_hash and event.type != "m.room.create":
        return ["$" + event.room_id[1:], *event.auth_event_ids]
    return event.auth_event_ids


def passes_own(event: Event, known: Mapping[str, Event]) -> bool:
    """Whether an event is allowed by what it names itself; `known` has all of `needed_ids`."""
    authorising = {
        (found.type, found.state_key): found
        for found in (known[event_id] for event_id in needed_ids(event))
        if found.state_key is not None
    }
    try:
        check_state_independent(event, [known[event_id] for event_id in event.auth_event_ids])
        create = authorising.get(CREATE)
        if create is not None and create.rejected:
            return False
        check_state_dependent(event, authorising)
    except AuthorizationFailed:
        return False
    return True


def wanted_pairs(event: Event) -> list[type_and_key]:
    """Which entries of a state decide about an event."""
    pairs = auth_types_for_event(
        event.rules,
        type=event.type,
        sender=event.sender,
        state_key=event.state_key,
        content=event.content,
    )
    return pairs if CREATE in pairs else [*pairs, CREATE]


def passes_in(event: Event, entries: Mapping[type_and_key, Event]) -> bool:
    """Whether an event is allowed in a state, of which the `wanted_pairs` are given."""
    try:
        check_state_dependent(event, entries)
    except AuthorizationFailed:
        return False
    return True


def present_entries(room: RoomIdentity, pairs: Iterable[type_and_key]) -> dict[type_and_key, Event]:
    """Some entries of a room's present state."""
    keys = interning.find_keys(pairs)
    nids = state.current(room.nid, keys.values())
    parsed = events.events_by_nid(nids.values())
    return {pair: parsed[nids[key]] for pair, key in keys.items() if key in nids}


def judge(
    room: RoomIdentity,
    event: Event,
    known: Mapping[str, Event],
    before: PlannedState,
    present_nid: int | None,
) -> Status:
    """What the checks make of an event: by its auth events, the state before it, and the present state.

    Raises `UnrecommendedError` when nothing but the signature of the room's policy server is lacking.
    """
    if not passes_own(event, known):
        return Status.REJECTED
    pairs = wanted_pairs(event)
    is_present = before == PlannedState(present_nid, {})
    present = present_entries(room, [*pairs, policy_servers.POLICY])
    if not passes_in(event, present if is_present else before.find(pairs)):
        return Status.REJECTED
    if not is_present and not passes_in(event, present):
        return Status.SOFT_FAILED
    policy = policy_servers.lacking(room, event, present.get(policy_servers.POLICY))
    if policy is not None:
        raise UnrecommendedError(policy)
    return Status.NORMAL
