"""The power levels of a room."""

from math import inf
from typing import Any

import pytest

from matrix_app.protocol.event_auth import PowerLevels
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from tests.factories.events import ALICE, BOB, CAROL, DAVE, RoomBuilder, make_event
from tests.protocol.event_auth.refusals import versions

SINGLE = {
    "users_default": 0,
    "events_default": 0,
    "state_default": 50,
    "ban": 50,
    "kick": 50,
    "redact": 50,
    "invite": 0,
}


def levels_of(version: str, content: dict[str, Any], event_id: str | None = None) -> PowerLevels:
    rules = ROOM_VERSIONS[version]
    event = make_event(rules, type="m.room.power_levels", state_key="", content=content, event_id=event_id)
    return PowerLevels.from_state({("m.room.power_levels", ""): event}, rules)


@pytest.mark.parametrize("version", versions(last=11))
def test_without_power_levels_the_creator_has_100_up_to_version_11(version: str) -> None:
    levels = PowerLevels.from_state(RoomBuilder(version).state, ROOM_VERSIONS[version])
    assert (levels.user_level(ALICE), levels.user_level(BOB)) == (100, 0)


@pytest.mark.parametrize("version", versions(last=10))
def test_without_power_levels_it_is_the_creator_in_the_content_who_has_100(version: str) -> None:
    room = RoomBuilder(version, create_content={"creator": BOB})
    levels = PowerLevels.from_state(room.state, room.rules)
    assert (levels.user_level(ALICE), levels.user_level(BOB)) == (0, 100)


@pytest.mark.parametrize("opened", [False, True])
def test_creators_are_above_all_levels_in_version_12(opened: bool) -> None:
    content = {"additional_creators": [BOB]}
    make = RoomBuilder.opened if opened else RoomBuilder
    room = make("12", create_content=content)
    levels = PowerLevels.from_state(room.state, room.rules)
    assert [levels.user_level(user) for user in (ALICE, BOB, CAROL)] == [inf, inf, 0]


@pytest.mark.parametrize("version", versions(last=11))
def test_the_creator_is_a_user_like_others_where_power_levels_are_set(version: str) -> None:
    room = RoomBuilder.opened(version)
    room.set_power_levels({"users": {}})
    assert PowerLevels.from_state(room.state, room.rules).user_level(ALICE) == 0


@pytest.mark.parametrize("version", versions())
def test_what_is_not_set_has_its_default(version: str) -> None:
    for levels in (levels_of(version, {}), PowerLevels.from_state({}, ROOM_VERSIONS[version])):
        assert {name: getattr(levels, name) for name in SINGLE} == SINGLE
        assert levels.level_for_event("m.room.topic", True) == 50
        assert levels.level_for_event("m.room.message", False) == 0
        assert levels.level_for_notification() == 50
        assert levels.user_level(BOB) == 0


@pytest.mark.parametrize("version", versions())
def test_what_is_set_is_used(version: str) -> None:
    for name in SINGLE:
        levels = levels_of(version, {name: 33})
        assert {key: getattr(levels, key) for key in SINGLE} == SINGLE | {name: 33}


@pytest.mark.parametrize("version", versions())
def test_users_and_event_types_and_notifications_have_levels_of_their_own(version: str) -> None:
    levels = levels_of(
        version,
        {
            "users": {BOB: 40, CAROL: -5},
            "users_default": 10,
            "events": {"m.room.topic": 20, "m.room.message": 5},
            "events_default": 1,
            "state_default": 60,
            "notifications": {"room": 70, "org.example": 3},
        },
    )
    assert [levels.user_level(user) for user in (BOB, CAROL, DAVE)] == [40, -5, 10]
    assert levels.level_for_event("m.room.topic", True) == 20
    assert levels.level_for_event("m.room.topic", False) == 20
    assert levels.level_for_event("m.room.name", True) == 60
    assert levels.level_for_event("m.room.name", False) == 1
    assert levels.level_for_event("m.room.message", False) == 5
    assert [levels.level_for_notification(key) for key in ("room", "org.example", "x")] == [70, 3, 50]


def test_the_example_of_string_levels_is_read() -> None:
    levels = levels_of(
        "9",
        {
            "ban": "50",
            "events": {"m.room.power_levels": "100"},
            "events_default": "0",
            "state_default": "50",
            "users": {"@example:localhost": "100"},
            "users_default": "0",
        },
    )
    assert levels.user_level("@example:localhost") == 100
    assert levels.level_for_event("m.room.power_levels", True) == 100
    assert (levels.ban, levels.events_default, levels.state_default, levels.users_default) == (50, 0, 50, 0)


def test_the_example_of_float_levels_is_read() -> None:
    users = {"@example:example.org": 100, "@alice:localhost": 50, "@bob:localhost": 50.57}
    levels = levels_of("5", {"users": users})
    assert levels.user_level("@bob:localhost") == levels.user_level("@alice:localhost") == 50


@pytest.mark.parametrize("version", versions())
def test_what_is_no_level_counts_as_absent(version: str) -> None:
    levels = levels_of(
        version, {"ban": None, "users": {BOB: [], CAROL: 7}, "events": "x", "notifications": [1]}
    )
    assert (levels.ban, dict(levels.users), dict(levels.events)) == (50, {CAROL: 7}, {})
    assert levels.level_for_notification() == 50


def test_one_event_is_parsed_once() -> None:
    room = RoomBuilder.opened("11")
    first = PowerLevels.from_state(room.state, room.rules)
    assert PowerLevels.from_state(dict(room.state), room.rules) is first


def test_another_content_under_the_same_event_id_is_not_mixed_up() -> None:
    # Servers choose event IDs in versions 1 and 2; and redaction changes what an event says.
    for ban in (60, 70, 60):
        assert levels_of("1", {"ban": ban}, event_id="$same:a.example").ban == ban


def test_the_same_power_levels_under_other_creators_are_not_mixed_up() -> None:
    rooms = [RoomBuilder("12", creator=creator) for creator in (ALICE, BOB)]
    event = make_event(rooms[0].rules, type="m.room.power_levels", state_key="")
    for room, alice in ((rooms[0], inf), (rooms[1], 0), (rooms[0], inf)):
        state = {**room.state, ("m.room.power_levels", ""): event}
        assert PowerLevels.from_state(state, room.rules).user_level(ALICE) == alice
