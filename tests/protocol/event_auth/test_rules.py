"""The rules for events that are neither the create event nor memberships."""

import timeit

import pytest

from matrix_app.protocol.event_auth import check_event, check_state_dependent
from matrix_app.protocol.events import Event
from tests.factories.events import ALICE, BOB, CAROL, DAVE, RoomBuilder
from tests.protocol.event_auth.refusals import assert_refused, assert_verdict, versions
from tests.protocol.event_auth.rooms import MEMBERSHIPS, put


@pytest.mark.parametrize("version", versions())
def test_only_members_send_events(version: str) -> None:
    for membership in MEMBERSHIPS:
        room = RoomBuilder.opened(version, power_levels={"users": {BOB: 99}})
        put(room, BOB, membership)
        for event in (
            room.make("m.room.message", BOB, {"body": "x"}),
            room.make("m.room.topic", BOB, {"topic": "x"}, state_key=""),
            room.make("m.room.third_party_invite", BOB, {}, state_key="token"),
            room.make("m.room.redaction", BOB, {}, redacts="$x:b.example"),
        ):
            if membership == "join":
                check_state_dependent(event, room.state)
            else:
                assert_refused(event, room.state, "is not in the room")


def aliases(room: RoomBuilder, sender: str, state_key: str | None) -> Event:
    return room.make("m.room.aliases", sender, {"aliases": ["#x:b.example"]}, state_key=state_key)


@pytest.mark.parametrize("version", versions(last=5))
def test_servers_keep_their_own_aliases_up_to_version_5(version: str) -> None:
    room = RoomBuilder.opened(version)
    check_event(aliases(room, BOB, "b.example"), room.state)
    for state_key in ("a.example", "", BOB, None):
        assert_refused(aliases(room, BOB, state_key), room.state, "must be the sender's server")


def test_aliases_are_not_for_other_servers_in_a_closed_room() -> None:
    room = RoomBuilder.opened("5", create_content={"m.federate": False})
    assert_refused(aliases(room, BOB, "b.example"), room.state, "closed to other servers")


@pytest.mark.parametrize("version", versions(first=6))
def test_aliases_are_like_any_state_from_version_6(version: str) -> None:
    room = RoomBuilder.opened(version)
    assert_refused(aliases(room, BOB, "b.example"), room.state, "is not in the room")
    room.join(BOB)
    assert_refused(aliases(room, BOB, "b.example"), room.state, "may not send m.room.aliases")
    check_event(aliases(room, ALICE, "c.example"), room.state)


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize(("state_key", "default"), [(None, "events_default"), ("", "state_default")])
def test_sending_takes_the_level_of_the_event_type(version: str, state_key: str | None, default: str) -> None:
    for levels in ({default: 30}, {default: 90, "events": {"org.example": 30}}):
        for level, allowed in ((29, False), (30, True), (31, True)):
            room = RoomBuilder.opened(version, power_levels=levels | {"users": {BOB: level}})
            room.join(BOB)
            event = room.make("org.example", BOB, {}, state_key=state_key)
            if allowed:
                check_event(event, room.state)
            else:
                assert_refused(event, room.state, "may not send org.example")


@pytest.mark.parametrize("version", versions())
def test_without_power_levels_messages_are_free_and_state_is_the_creators(version: str) -> None:
    room = RoomBuilder(version)
    room.join(ALICE)
    put(room, BOB, "join")
    check_event(room.make("m.room.message", BOB), room.state)
    check_event(room.make("m.room.topic", ALICE, state_key=""), room.state)
    assert_refused(room.make("m.room.topic", BOB, state_key=""), room.state, "may not send m.room.topic")


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize(
    ("state_key", "allowed"),
    [(BOB, True), (CAROL, False), ("@", False), (BOB + "x", False), ("", True), ("x" + CAROL, True)],
)
def test_a_state_key_that_is_a_users_is_for_that_user(version: str, state_key: str, allowed: bool) -> None:
    room = RoomBuilder.opened(version, power_levels={"state_default": 0})
    room.join(BOB)
    assert_verdict(room.make("org.example", BOB, {}, state_key=state_key), room.state, allowed)


def test_not_even_creators_use_the_state_key_of_another() -> None:
    room = RoomBuilder.opened("12")
    assert_refused(room.make("org.example", ALICE, {}, state_key=BOB), room.state, "another user's")


@pytest.mark.parametrize("version", versions())
def test_all_creators_may_send_anything_in_version_12(version: str) -> None:
    room = RoomBuilder.opened(
        version,
        power_levels={"events": {"m.room.tombstone": 101}},
        create_content={"additional_creators": [DAVE]},
    )
    room.join(DAVE)
    for sender in (ALICE, DAVE):
        event = room.make("m.room.tombstone", sender, {}, state_key="")
        assert_verdict(event, room.state, room.rules.privileged_creators)


def test_checking_a_message_is_cheap() -> None:
    users = {f"@user{number}:a.example": 50 for number in range(1000)}
    room = RoomBuilder.opened("11", power_levels={"users": users})
    room.join(BOB)
    event = room.make("m.room.message", BOB, {"body": "x"})
    seconds = min(timeit.repeat(lambda: check_event(event, room.state), number=500, repeat=5)) / 500
    assert seconds < 30e-6
