"""Rule 2 (3 in version 12): what an event may name as its auth events."""

import re

import pytest

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth import check_event, check_state_independent
from matrix_app.protocol.events import Event
from tests.factories.events import ALICE, BOB, RoomBuilder
from tests.protocol.event_auth.refusals import versions

LEVELS = ("m.room.power_levels", "")


def auth_events(event: Event, room: RoomBuilder) -> list[Event]:
    by_id = {known.event_id: known for known in room.events}
    return [by_id[event_id] for event_id in event.auth_event_ids]


def assert_refused(event: Event, named: list[Event], because: str) -> None:
    with pytest.raises(AuthorizationFailed, match=re.escape(because)):
        check_state_independent(event, named)


@pytest.mark.parametrize("version", versions())
def test_the_selected_auth_events_are_allowed(version: str) -> None:
    room = RoomBuilder.opened(version)
    event = room.make("m.room.message", ALICE)
    check_state_independent(event, auth_events(event, room))


@pytest.mark.parametrize("version", versions())
def test_auth_events_may_be_fewer_than_the_selection(version: str) -> None:
    # What is missing is for the check against the state to judge.
    room = RoomBuilder.opened(version)
    event = room.make("m.room.message", ALICE)
    named = [known for known in auth_events(event, room) if known.type == "m.room.create"]
    check_state_independent(event, named)


@pytest.mark.parametrize("version", versions())
def test_two_auth_events_for_one_key_are_refused(version: str) -> None:
    room = RoomBuilder.opened(version)
    old = room.state[LEVELS]
    room.set_power_levels({**old.content, "ban": 60})
    event = room.make("m.room.message", ALICE)
    assert_refused(event, [*auth_events(event, room), old], "two auth events")


@pytest.mark.parametrize("version", versions())
def test_the_same_auth_event_twice_is_refused(version: str) -> None:
    room = RoomBuilder.opened(version)
    event = room.make("m.room.message", ALICE)
    named = auth_events(event, room)
    assert_refused(event, [*named, named[0]], "two auth events")


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("key", [("m.room.join_rules", ""), ("m.room.member", BOB), ("m.room.topic", "")])
def test_an_auth_event_that_is_not_selected_is_refused(version: str, key: tuple[str, str]) -> None:
    room = RoomBuilder.opened(version)
    room.join(BOB)
    room.send("m.room.topic", ALICE, {"topic": "t"}, state_key="")
    event = room.make("m.room.message", ALICE)
    assert_refused(event, [*auth_events(event, room), room.state[key]], "must not have an auth event")


@pytest.mark.parametrize("version", versions())
def test_an_auth_event_that_is_no_state_event_is_refused(version: str) -> None:
    room = RoomBuilder.opened(version)
    impostor = room.make("m.room.power_levels", ALICE, {"users": {}})
    event = room.make("m.room.message", ALICE)
    named = [known for known in auth_events(event, room) if known.type != "m.room.power_levels"]
    assert_refused(event, [*named, impostor], "must not have an auth event")


def test_the_create_event_must_not_be_an_auth_event_in_version_12() -> None:
    room = RoomBuilder.opened("12")
    event = room.make("m.room.message", ALICE)
    create = room.state["m.room.create", ""]
    assert_refused(event, [*auth_events(event, room), create], "must not have an auth event")


@pytest.mark.parametrize("version", versions(last=11))
def test_the_create_event_must_be_an_auth_event_before_version_12(version: str) -> None:
    room = RoomBuilder.opened(version)
    event = room.make("m.room.message", ALICE)
    named = [known for known in auth_events(event, room) if known.type != "m.room.create"]
    assert_refused(event, named, "does not have the create event")


@pytest.mark.parametrize("version", versions())
def test_a_rejected_auth_event_is_refused(version: str) -> None:
    room = RoomBuilder.opened(version)
    event = room.make("m.room.message", ALICE)
    room.state[LEVELS].rejected = True
    assert_refused(event, auth_events(event, room), "was rejected")


@pytest.mark.parametrize("version", versions())
def test_an_auth_event_of_another_room_is_refused(version: str) -> None:
    room = RoomBuilder.opened(version)
    other = RoomBuilder.opened(version)
    event = room.make("m.room.message", ALICE)
    named = [known for known in auth_events(event, room) if known.type != "m.room.power_levels"]
    assert_refused(event, [*named, other.state[LEVELS]], "is of another room")


@pytest.mark.parametrize("version", versions())
def test_a_local_event_whose_auth_events_are_not_of_the_state_is_refused(version: str) -> None:
    room = RoomBuilder.opened(version)
    old = room.make("m.room.message", ALICE)
    room.set_power_levels({**room.state[LEVELS].content, "ban": 60})
    with pytest.raises(AuthorizationFailed, match="is not one that the state selects"):
        check_event(old, room.state)
