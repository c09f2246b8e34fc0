"""Who may invite, remove, ban and knock."""

from typing import Any

import pytest

from matrix_app.protocol.event_auth import check_event
from tests.factories.events import ALICE, BOB, CAROL, RoomBuilder
from tests.protocol.event_auth.refusals import assert_refused, assert_verdict, versions
from tests.protocol.event_auth.rooms import MEMBERSHIPS, member_event, put, put_state


def room_with(version: str, levels: dict[str, Any] | None = None, **memberships: str) -> RoomBuilder:
    """A room with Bob and Carol in it, or as `bob=` and `carol=` say."""
    room = RoomBuilder.opened(version, power_levels=levels)
    put(room, BOB, memberships.get("bob", "join"))
    put(room, CAROL, memberships.get("carol", "join"))
    return room


@pytest.mark.parametrize("version", versions())
def test_only_who_is_not_there_and_not_banned_can_be_invited(version: str) -> None:
    for membership in MEMBERSHIPS:
        room = room_with(version, carol=membership)
        allowed = membership not in ("join", "ban")
        assert_verdict(member_event(room, BOB, CAROL, "invite"), room.state, allowed)


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("change", ["invite", "leave", "ban"])
def test_only_members_change_the_membership_of_others(version: str, change: str) -> None:
    for membership in MEMBERSHIPS:
        room = room_with(version, {"users": {BOB: 50}}, bob=membership, carol="knock")
        event = member_event(room, BOB, CAROL, change)
        if membership == "join":
            check_event(event, room.state)
        else:
            assert_refused(event, room.state, "is not in the room")


# The action, the property with its level, and that level by default.
ACTIONS = [("invite", "invite", 0, "leave"), ("leave", "kick", 50, "join"), ("ban", "ban", 50, "join")]


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize(("change", "name", "default", "membership"), ACTIONS)
@pytest.mark.parametrize("set_to", [None, 30])
def test_changing_memberships_takes_the_level_for_it(
    version: str, change: str, name: str, default: int, membership: str, set_to: int | None
) -> None:
    level = default if set_to is None else set_to
    levels: dict[str, Any] = {} if set_to is None else {name: set_to}
    for distance in (-1, 0, 1):
        room = room_with(version, levels | {"users": {BOB: level + distance, CAROL: -10}}, carol=membership)
        assert_verdict(member_event(room, BOB, CAROL, change), room.state, distance >= 0)


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("change", ["leave", "ban"])
@pytest.mark.parametrize(("target_level", "allowed"), [(59, True), (60, False), (61, False)])
def test_only_who_has_less_power_can_be_removed_or_banned(
    version: str, change: str, target_level: int, allowed: bool
) -> None:
    room = room_with(version, {"users": {BOB: 60, CAROL: target_level}})
    assert_verdict(member_event(room, BOB, CAROL, change), room.state, allowed)


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("change", ["leave", "ban"])
def test_anybody_of_less_power_can_be_removed_or_banned_wherever_they_are(version: str, change: str) -> None:
    for membership in MEMBERSHIPS:
        room = room_with(version, {"users": {BOB: 50}}, carol=membership)
        check_event(member_event(room, BOB, CAROL, change), room.state)


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize(
    ("kick", "ban", "allowed"), [(50, 50, True), (51, 50, False), (50, 51, False), (51, 51, False)]
)
def test_lifting_a_ban_takes_the_kick_level_and_the_ban_level(
    version: str, kick: int, ban: int, allowed: bool
) -> None:
    room = room_with(version, {"kick": kick, "ban": ban, "users": {BOB: 50}}, carol="ban")
    assert_verdict(member_event(room, BOB, CAROL, "leave"), room.state, allowed)


@pytest.mark.parametrize("version", versions())
def test_users_leave_where_they_are_joined_or_invited_or_have_knocked(version: str) -> None:
    for membership in MEMBERSHIPS:
        room = room_with(version, bob=membership)
        allowed = membership in ("join", "invite") or (membership == "knock" and version in versions(first=7))
        assert_verdict(member_event(room, BOB, BOB, "leave"), room.state, allowed)


@pytest.mark.parametrize("version", versions())
def test_the_banned_cannot_lift_their_own_ban(version: str) -> None:
    room = room_with(version, {"users": {BOB: 90}}, bob="ban")
    assert_refused(member_event(room, BOB, BOB, "leave"), room.state, "cannot leave")


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("change", ["leave", "ban"])
def test_creators_above_all_levels_cannot_be_removed(version: str, change: str) -> None:
    room = room_with(version, {"users": {BOB: 2**53 - 1}})
    privileged = room.rules.privileged_creators
    assert_verdict(member_event(room, BOB, ALICE, change), room.state, not privileged)


@pytest.mark.parametrize("change", ["leave", "ban"])
def test_creators_cannot_remove_each_other(change: str) -> None:
    room = RoomBuilder.opened("12", create_content={"additional_creators": [BOB]})
    room.join(BOB)
    assert_refused(member_event(room, ALICE, BOB, change), room.state, "has no less power")


@pytest.mark.parametrize("version", versions())
def test_nobody_bans_themselves(version: str) -> None:
    room = room_with(version)
    assert_refused(member_event(room, ALICE, ALICE, "ban"), room.state, "has no less power")


KNOCK_RULES = {"knock": 7, "knock_restricted": 10}


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("join_rule", ["knock", "knock_restricted", "restricted", "invite", "public"])
def test_users_knock_where_the_room_takes_knocks(version: str, join_rule: str) -> None:
    takes_knocks = KNOCK_RULES.get(join_rule, 99) <= int(version)
    for membership in MEMBERSHIPS:
        room = room_with(version, bob=membership)
        put_state(room, "m.room.join_rules", {"join_rule": join_rule})
        allowed = takes_knocks and membership not in ("ban", "invite", "join")
        assert_verdict(member_event(room, BOB, BOB, "knock"), room.state, allowed)


@pytest.mark.parametrize("version", versions(first=7))
def test_nobody_knocks_for_another(version: str) -> None:
    room = room_with(version, carol="leave")
    put_state(room, "m.room.join_rules", {"join_rule": "knock"})
    assert_refused(member_event(room, BOB, CAROL, "knock"), room.state, "only knock for themselves")


@pytest.mark.parametrize("version", versions(last=6))
def test_there_is_no_knocking_before_version_7(version: str) -> None:
    room = room_with(version, bob="leave")
    put_state(room, "m.room.join_rules", {"join_rule": "knock"})
    assert_refused(member_event(room, BOB, BOB, "knock"), room.state, "know no knocking")
