"""The rules for all membership events, and the state they read."""

from typing import Any

import pytest

from matrix_app.protocol.event_auth import check_event, join_rule_of, membership_of
from tests.factories.events import ALICE, BOB, RoomBuilder, make_event
from tests.protocol.event_auth.refusals import assert_refused, versions
from tests.protocol.event_auth.rooms import member_event, put, put_state


def test_who_was_never_in_a_room_has_left_it() -> None:
    assert membership_of({}, BOB) == "leave"


@pytest.mark.parametrize("membership", ["join", "leave", "invite", "ban", "knock"])
def test_the_membership_of_a_user_is_what_the_state_says(membership: str) -> None:
    room = RoomBuilder.opened()
    put(room, BOB, membership)
    assert membership_of(room.state, BOB) == membership


@pytest.mark.parametrize("content", [{}, {"membership": None}, {"membership": ["join"]}])
def test_a_membership_that_is_no_string_is_leave(content: dict[str, Any]) -> None:
    event = make_event(RoomBuilder().rules, type="m.room.member", state_key=BOB, content=content)
    assert membership_of({("m.room.member", BOB): event}, BOB) == "leave"


@pytest.mark.parametrize(
    ("content", "expected"),
    [({"join_rule": "public"}, "public"), ({}, "invite"), ({"join_rule": None}, "invite")],
)
def test_the_join_rule_is_what_the_state_says_or_invite(content: dict[str, Any], expected: str) -> None:
    room = RoomBuilder.opened()
    put_state(room, "m.room.join_rules", content)
    assert join_rule_of(room.state) == expected


def test_a_room_without_join_rules_is_for_the_invited() -> None:
    assert join_rule_of(RoomBuilder().state) == "invite"


@pytest.mark.parametrize("version", versions())
def test_a_membership_event_without_a_target_is_refused(version: str) -> None:
    room = RoomBuilder.opened(version)
    event = room.make("m.room.member", ALICE, {"membership": "join"})
    assert_refused(event, room.state, "needs a state key and a membership")


@pytest.mark.parametrize("version", versions())
def test_a_membership_event_without_a_membership_is_refused(version: str) -> None:
    room = RoomBuilder.opened(version)
    event = room.make("m.room.member", ALICE, {}, state_key=ALICE)
    assert_refused(event, room.state, "needs a state key and a membership")


@pytest.mark.parametrize("version", versions())
def test_an_unknown_membership_is_refused(version: str) -> None:
    room = RoomBuilder.opened(version)
    unknown: list[Any] = ["", "Join", "owner", None, 1, ["join"], {}]
    for membership in unknown:
        assert_refused(member_event(room, ALICE, ALICE, membership), room.state, "is not known")


@pytest.mark.parametrize("version", versions(first=8))
@pytest.mark.parametrize("membership", ["join", "leave"])
def test_who_let_the_user_in_must_be_a_user_id_from_version_8(version: str, membership: str) -> None:
    room = RoomBuilder.opened(version)
    for authoriser in (None, 7, "", "bob", "@bob", [BOB]):
        event = member_event(room, ALICE, ALICE, membership, join_authorised_via_users_server=authoriser)
        assert_refused(event, room.state, "must be a user ID")


@pytest.mark.parametrize("version", versions(last=7))
def test_who_let_the_user_in_means_nothing_before_version_8(version: str) -> None:
    room = RoomBuilder.opened(version)
    check_event(member_event(room, ALICE, ALICE, "join", join_authorised_via_users_server=7), room.state)


@pytest.mark.parametrize("version", versions())
def test_memberships_do_not_wait_for_the_level_of_their_event_type(version: str) -> None:
    room = RoomBuilder.opened(version)
    room.set_power_levels({**room.state["m.room.power_levels", ""].content, "events": {"m.room.member": 100}})
    room.join(BOB)
    room.leave(BOB)
