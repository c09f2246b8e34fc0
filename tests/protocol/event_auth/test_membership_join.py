"""Who may join."""

from typing import Any

import pytest

from matrix_app.protocol.event_auth import check_event
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from tests.factories.events import ALICE, BOB, CAROL, RoomBuilder
from tests.protocol.event_auth.refusals import assert_refused, assert_verdict, versions
from tests.protocol.event_auth.rooms import MEMBERSHIPS, member_event, put, put_state

# The first version that knows each join rule.
JOIN_RULES = {"invite": 1, "public": 1, "knock": 7, "restricted": 8, "knock_restricted": 10}


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("join_rule", [*JOIN_RULES, "private", "nonsense", ""])
def test_join_rules_let_in_whom_they_should(version: str, join_rule: str) -> None:
    known = JOIN_RULES.get(join_rule, 99) <= int(version)
    for membership in MEMBERSHIPS:
        room = RoomBuilder.opened(version)
        put_state(room, "m.room.join_rules", {"join_rule": join_rule})
        put(room, BOB, membership)
        welcome = membership != "ban" if join_rule == "public" else membership in ("join", "invite")
        assert_verdict(member_event(room, BOB, BOB, "join"), room.state, known and welcome)


@pytest.mark.parametrize("version", versions())
def test_without_join_rules_only_the_invited_may_join(version: str) -> None:
    for membership in MEMBERSHIPS:
        room = RoomBuilder(version)
        room.join(ALICE)
        put(room, BOB, membership)
        assert_verdict(member_event(room, BOB, BOB, "join"), room.state, membership in ("join", "invite"))


@pytest.mark.parametrize("version", versions())
def test_nobody_joins_for_another(version: str) -> None:
    room = RoomBuilder.opened(version)
    room.invite(ALICE, BOB)
    assert_refused(member_event(room, ALICE, BOB, "join"), room.state, "only join for themselves")


@pytest.mark.parametrize("version", versions())
def test_the_banned_are_told_so(version: str) -> None:
    room = RoomBuilder.opened(version)
    room.ban(ALICE, BOB)
    assert_refused(member_event(room, BOB, BOB, "join"), room.state, "is banned")


@pytest.mark.parametrize("version", versions())
def test_the_creator_joins_right_after_the_create_event(version: str) -> None:
    room = RoomBuilder(version)
    check_event(member_event(room, ALICE, ALICE, "join"), room.state)


@pytest.mark.parametrize("version", versions())
def test_nobody_else_joins_right_after_the_create_event(version: str) -> None:
    room = RoomBuilder(version)
    assert_refused(member_event(room, BOB, BOB, "join"), room.state, "is not invited")


@pytest.mark.parametrize("version", versions())
def test_the_creator_has_no_privilege_to_join_later(version: str) -> None:
    room = RoomBuilder(version)
    room.join(ALICE)
    room.leave(ALICE)
    assert_refused(member_event(room, ALICE, ALICE, "join"), room.state, "is not invited")


@pytest.mark.parametrize("version", versions())
def test_the_creators_first_join_follows_the_create_event_only(version: str) -> None:
    room = RoomBuilder(version)
    create = room.state["m.room.create", ""]
    event = member_event(room, ALICE, ALICE, "join")
    for previous in ([], [create, create], [room.make("m.room.message", ALICE)]):
        later = room.make("m.room.member", ALICE, event.content, state_key=ALICE, prev_events=previous)
        assert_refused(later, room.state, "is not invited")


@pytest.mark.parametrize("version", versions(last=10))
def test_the_first_to_join_is_who_the_create_event_names_up_to_version_10(version: str) -> None:
    room = RoomBuilder(version, create_content={"creator": BOB})
    check_event(member_event(room, BOB, BOB, "join"), room.state)
    assert_refused(member_event(room, ALICE, ALICE, "join"), room.state, "is not invited")


@pytest.mark.parametrize("version", versions(first=11))
def test_the_first_to_join_is_the_sender_of_the_create_event_from_version_11(version: str) -> None:
    room = RoomBuilder(version, create_content={"creator": BOB})
    check_event(member_event(room, ALICE, ALICE, "join"), room.state)
    assert_refused(member_event(room, BOB, BOB, "join"), room.state, "is not invited")


def test_an_additional_creator_is_not_the_first_to_join() -> None:
    room = RoomBuilder("12", create_content={"additional_creators": [BOB]})
    assert_refused(member_event(room, BOB, BOB, "join"), room.state, "is not invited")


RESTRICTED = [("restricted", version) for version in versions(first=8)]
RESTRICTED += [("knock_restricted", version) for version in versions(first=10)]


def restricted_room(version: str, join_rule: str, invite_level: int = 50) -> RoomBuilder:
    room = RoomBuilder.opened(version, power_levels={"invite": invite_level, "users": {CAROL: 50}})
    room.join(CAROL)
    room.set_join_rule(join_rule, allow=[{"type": "m.room_membership", "room_id": "!other:a.example"}])
    return room


def restricted_join(room: RoomBuilder, authoriser: Any = CAROL) -> Event:
    return member_event(room, BOB, BOB, "join", join_authorised_via_users_server=authoriser)


@pytest.mark.parametrize(("join_rule", "version"), RESTRICTED)
def test_a_member_who_may_invite_may_let_a_user_in(join_rule: str, version: str) -> None:
    room = restricted_room(version, join_rule)
    check_event(restricted_join(room), room.state)


@pytest.mark.parametrize(("join_rule", "version"), RESTRICTED)
def test_a_restricted_join_without_someone_who_let_the_user_in_is_refused(
    join_rule: str, version: str
) -> None:
    room = restricted_room(version, join_rule)
    assert_refused(member_event(room, BOB, BOB, "join"), room.state, "no member let them in")


@pytest.mark.parametrize(("join_rule", "version"), RESTRICTED)
def test_a_member_who_may_not_invite_lets_nobody_in(join_rule: str, version: str) -> None:
    room = restricted_room(version, join_rule, invite_level=51)
    assert_refused(restricted_join(room), room.state, "may not invite")


@pytest.mark.parametrize(("join_rule", "version"), RESTRICTED)
@pytest.mark.parametrize("membership", ["leave", "invite", "knock", "ban"])
def test_who_is_not_in_the_room_lets_nobody_in(join_rule: str, version: str, membership: str) -> None:
    room = restricted_room(version, join_rule)
    put(room, CAROL, membership)
    assert_refused(restricted_join(room), room.state, "is not in the room")


@pytest.mark.parametrize(("join_rule", "version"), RESTRICTED)
def test_nobody_lets_the_banned_in(join_rule: str, version: str) -> None:
    room = restricted_room(version, join_rule)
    room.ban(ALICE, BOB)
    assert_refused(restricted_join(room), room.state, "is banned")


@pytest.mark.parametrize(("join_rule", "version"), RESTRICTED)
def test_who_is_not_in_the_room_cannot_let_themselves_in(join_rule: str, version: str) -> None:
    room = restricted_room(version, join_rule, invite_level=0)
    assert_refused(restricted_join(room, BOB), room.state, "is not in the room")


def test_a_creator_may_always_let_a_user_in() -> None:
    room = restricted_room("12", "restricted", invite_level=2**53 - 1)
    check_event(restricted_join(room, ALICE), room.state)


@pytest.mark.parametrize("version", ROOM_VERSIONS)
def test_being_let_in_is_no_use_where_the_join_rule_is_invite(version: str) -> None:
    room = RoomBuilder.opened(version, join_rule="invite")
    assert_refused(restricted_join(room, ALICE), room.state, "is not invited")
