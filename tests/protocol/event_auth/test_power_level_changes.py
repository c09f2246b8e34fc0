"""Who may set which power levels."""

from typing import Any

import pytest

from matrix_app.protocol.event_auth import check_event
from matrix_app.protocol.events import Event
from tests.factories.events import ALICE, BOB, CAROL, DAVE, RoomBuilder
from tests.protocol.event_auth.refusals import assert_refused, assert_verdict, versions

SINGLE = ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"]
BOB_LEVEL = 60
# With these everybody may send power levels, so that the rules on changes decide.
OPEN: dict[str, Any] = {"events": {"m.room.power_levels": 0}}
Levels = dict[str, Any]


def room_with(version: str, levels: Levels) -> RoomBuilder:
    """A room in which Bob has level 60 and may send power levels."""
    levels = {**levels, "users": {BOB: BOB_LEVEL, **levels.get("users", {})}}
    levels["events"] = {**OPEN["events"], **levels.get("events", {})}
    room = RoomBuilder.opened(version, power_levels=levels)
    for user in (BOB, CAROL):
        room.join(user)
    return room


def change(room: RoomBuilder, changes: Levels, sender: str = BOB) -> Event:
    """New power levels: the old with these keys replaced, or removed where None."""
    content = room.state["m.room.power_levels", ""].content | changes
    content = {key: value for key, value in content.items() if value is not None}
    return room.make("m.room.power_levels", sender, content, state_key="")


def change_entry(room: RoomBuilder, mapping: str, key: str, value: int | None) -> Event:
    """New power levels with one entry of a mapping replaced, or removed where None."""
    entries = dict(room.state["m.room.power_levels", ""].content.get(mapping, {}))
    entries.pop(key, None)
    return change(room, {mapping: entries if value is None else entries | {key: value}})


# What a level was, what it becomes, and whether a user with level 60 may change it so.
CHANGES = [
    (None, 60, True),
    (None, 61, False),
    (60, None, True),
    (61, None, False),
    (60, 0, True),
    (61, 0, False),
    (0, 60, True),
    (0, 61, False),
    (61, 61, True),
    (-70, 60, True),
]


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("name", [name for name in SINGLE if name != "events_default"])
def test_single_levels_change_below_the_senders(version: str, name: str) -> None:
    for old, new, allowed in CHANGES:
        room = room_with(version, {} if old is None else {name: old})
        assert_verdict(change(room, {name: new}), room.state, allowed)


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("mapping", ["events_default", "events", "notifications"])
def test_events_and_notifications_change_below_the_senders(version: str, mapping: str) -> None:
    checked = mapping != "notifications" or version in versions(first=6)
    for old, new, allowed in CHANGES:
        if mapping == "events_default":
            room = room_with(version, {} if old is None else {mapping: old})
            event = change(room, {"events_default": new})
        else:
            room = room_with(version, {} if old is None else {mapping: {"room": old}})
            event = change_entry(room, mapping, "room", new)
        assert_verdict(event, room.state, allowed or not checked)


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("mapping", ["events", "notifications"])
def test_removing_a_whole_mapping_removes_its_entries(version: str, mapping: str) -> None:
    room = room_with(version, {mapping: {"room": 61}})
    checked = mapping != "notifications" or version in versions(first=6)
    assert_verdict(change(room, {mapping: None}), room.state, not checked)


# What another user's level was, what it becomes, and whether a user with level 60 may change it so.
USER_CHANGES = [
    (None, 60, True),
    (None, 61, False),
    (59, 60, True),
    (59, 61, False),
    (59, 0, True),
    (59, None, True),
    (60, 60, True),
    (60, 59, False),
    (60, 0, False),
    (60, None, False),
    (61, 0, False),
    (61, None, False),
    (99, 99, True),
]


@pytest.mark.parametrize("version", versions())
def test_other_users_change_while_they_are_below_the_sender(version: str) -> None:
    for old, new, allowed in USER_CHANGES:
        room = room_with(version, {"users": {} if old is None else {CAROL: old}})
        assert_verdict(change_entry(room, "users", CAROL, new), room.state, allowed)


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize(
    ("new", "allowed"), [(60, True), (59, True), (0, True), (-1, True), (None, True), (61, False)]
)
def test_users_may_give_up_power_and_not_take_it(version: str, new: int | None, allowed: bool) -> None:
    room = room_with(version, {})
    assert_verdict(change_entry(room, "users", BOB, new), room.state, allowed)


@pytest.mark.parametrize("version", versions())
def test_a_sender_without_an_entry_has_the_default_level(version: str) -> None:
    room = room_with(version, {"users_default": 30})
    for new, allowed in ((30, True), (31, False)):
        users = room.state["m.room.power_levels", ""].content["users"] | {DAVE: new}
        assert_verdict(change(room, {"users": users}, CAROL), room.state, allowed)


@pytest.mark.parametrize("version", versions())
def test_the_first_power_levels_may_say_anything_well_formed(version: str) -> None:
    room = RoomBuilder(version)
    room.join(ALICE)
    content = {"ban": 1000, "users": {BOB: 2000}, "events": {"m.room.topic": 3000}}
    check_event(room.make("m.room.power_levels", ALICE, content, state_key=""), room.state)


NO_LEVELS: list[Any] = ["x", None, True, [], {}, "1.5"]
NO_MAPPINGS_OF_LEVELS: list[Any] = [None, [], "x", 5, *({"x": value} for value in NO_LEVELS)]
NO_USERS: list[Any] = [None, [], "x", 5, {"bob": 5}, {"@bob": 5}, {"": 5}, {BOB: None}, {BOB: "x"}]


@pytest.mark.parametrize("version", versions())
def test_users_must_be_user_ids_with_levels(version: str) -> None:
    room = RoomBuilder(version)
    room.join(ALICE)
    for users in NO_USERS:
        event = room.make("m.room.power_levels", ALICE, {"users": users}, state_key="")
        assert_refused(event, room.state, "users")


@pytest.mark.parametrize("version", versions())
def test_users_need_not_be_there(version: str) -> None:
    room = RoomBuilder(version)
    room.join(ALICE)
    check_event(room.make("m.room.power_levels", ALICE, {}, state_key=""), room.state)


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("name", SINGLE)
def test_single_levels_must_be_levels(version: str, name: str) -> None:
    room = RoomBuilder(version)
    room.join(ALICE)
    for value in NO_LEVELS:
        event = room.make("m.room.power_levels", ALICE, {name: value}, state_key="")
        assert_refused(event, room.state, f"{name} must be an integer")


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("mapping", ["events", "notifications"])
def test_events_and_notifications_must_be_levels(version: str, mapping: str) -> None:
    room = RoomBuilder(version)
    room.join(ALICE)
    checked = mapping == "events" or version in versions(first=6)
    for value in NO_MAPPINGS_OF_LEVELS:
        event = room.make("m.room.power_levels", ALICE, {mapping: value}, state_key="")
        assert_verdict(event, room.state, not checked)


STRINGS = [{"ban": "50"}, {"events": {"m.room.topic": "50"}}, {"notifications": {"room": " 50 "}}]
STRINGS += [{"users": {BOB: "50"}}]


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("content", STRINGS)
def test_levels_may_be_strings_up_to_version_9(version: str, content: Levels) -> None:
    room = RoomBuilder(version)
    room.join(ALICE)
    event = room.make("m.room.power_levels", ALICE, content, state_key="")
    assert_verdict(event, room.state, version in versions(last=9))


@pytest.mark.parametrize("version", versions())
def test_levels_may_be_floats_up_to_version_5(version: str) -> None:
    room = RoomBuilder(version)
    room.join(ALICE)
    event = room.make("m.room.power_levels", ALICE, {"users": {BOB: 50.57}, "ban": 4.9}, state_key="")
    assert_verdict(event, room.state, version in versions(last=5))


@pytest.mark.parametrize("version", versions(last=9))
def test_the_same_level_in_another_form_is_no_change(version: str) -> None:
    room = room_with(version, {"ban": 90, "users": {CAROL: 90}, "events": {"m.room.name": 90}})
    content = room.state["m.room.power_levels", ""].content
    event = change(
        room,
        {
            "ban": "90",
            "users": {user: str(level) for user, level in content["users"].items()},
            "events": {type: f" 0{level} " for type, level in content["events"].items()},
        },
    )
    check_event(event, room.state)


@pytest.mark.parametrize("version", versions(last=9))
def test_strings_are_compared_as_numbers(version: str) -> None:
    room = room_with(version, {})
    assert_refused(change(room, {"ban": "100"}), room.state, "above their own")
    check_event(change(room, {"ban": "7"}), room.state)


@pytest.mark.parametrize("creators", [{}, {"additional_creators": [BOB]}])
@pytest.mark.parametrize("first", [True, False])
def test_creators_cannot_be_listed_in_version_12(creators: dict[str, Any], first: bool) -> None:
    room = RoomBuilder("12", create_content=creators)
    room.join(ALICE)
    if not first:
        room.set_power_levels({"users": {CAROL: 50}})
    for creator in [ALICE, *creators.get("additional_creators", [])]:
        event = room.make("m.room.power_levels", ALICE, {"users": {creator: 100}}, state_key="")
        assert_refused(event, room.state, "level of a creator cannot be set")


@pytest.mark.parametrize("version", versions(last=11))
def test_creators_can_be_listed_before_version_12(version: str) -> None:
    room = RoomBuilder.opened(version)
    room.set_power_levels({"users": {ALICE: 90}})


def test_creators_may_set_any_level_in_version_12() -> None:
    room = room_with("12", {"ban": 2**53 - 1, "users": {CAROL: 2**53 - 1}})
    check_event(change(room, {"ban": 0, "users": {CAROL: 0}}, ALICE), room.state)


@pytest.mark.parametrize("version", versions())
def test_sending_power_levels_takes_their_level(version: str) -> None:
    room = RoomBuilder.opened(version, power_levels={"users": {BOB: 49}})
    room.join(BOB)
    assert_refused(change(room, {}), room.state, "may not send m.room.power_levels")
