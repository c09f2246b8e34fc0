"""Rule 1 (the create event) and the rules that rest on it."""

from typing import Any

import pytest

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth import (
    check_event,
    check_state_dependent,
    check_state_independent,
    creators_of,
)
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from tests.factories.events import ALICE, BOB, CAROL, DAVE, RoomBuilder, make_event
from tests.protocol.event_auth.refusals import assert_refused, versions


def create(version: str, content: dict[str, Any] | None = None, **fields: Any) -> Event:
    rules = ROOM_VERSIONS[version]
    if rules.room_id_is_create_hash:
        fields = {"room_id": None} | fields
    base: dict[str, Any] = {"room_version": version}
    if not rules.implicit_room_creator:
        base["creator"] = ALICE
    return make_event(rules, type="m.room.create", state_key="", content=base | (content or {}), **fields)


def without(event: Event, key: str) -> Event:
    del event.content[key]
    return event


@pytest.mark.parametrize("version", versions())
def test_a_proper_create_event_is_allowed(version: str) -> None:
    check_event(create(version), {})


@pytest.mark.parametrize("version", versions())
def test_both_checks_look_at_the_create_event(version: str) -> None:
    event = create(version, {"room_version": "no such version"})
    with pytest.raises(AuthorizationFailed):
        check_state_independent(event, [])
    with pytest.raises(AuthorizationFailed):
        check_state_dependent(event, {})


@pytest.mark.parametrize("version", versions())
def test_a_create_event_with_previous_events_is_refused(version: str) -> None:
    assert_refused(create(version, prev_events=[create(version)]), {}, "previous events")


@pytest.mark.parametrize("version", versions(last=11))
@pytest.mark.parametrize("room_id", ["!room:b.example", "!room:a.example:8448", "!room"])
def test_a_create_event_for_a_room_id_of_another_server_is_refused(version: str, room_id: str) -> None:
    assert_refused(create(version, room_id=room_id), {}, "of one server")


@pytest.mark.parametrize("version", versions(first=12))
@pytest.mark.parametrize("room_id", ["!room:a.example", "!" + "E" * 43, ""])
def test_a_create_event_with_a_room_id_is_refused_from_version_12(version: str, room_id: str) -> None:
    assert_refused(create(version, room_id=room_id), {}, "must not have a room ID")


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("named", ["no such version", "", 1, None, ["1"]])
def test_a_create_event_that_names_an_unknown_version_is_refused(version: str, named: Any) -> None:
    assert_refused(create(version, {"room_version": named}), {}, "is not known")


def test_a_create_event_need_not_name_its_version() -> None:
    check_event(without(create("1"), "room_version"), {})


@pytest.mark.parametrize("version", versions(last=10))
def test_a_create_event_names_its_creator_up_to_version_10(version: str) -> None:
    assert_refused(without(create(version), "creator"), {}, "must name its creator")


@pytest.mark.parametrize("additional", ["@bob:b.example", None, {}, ["bob"], [7], [BOB, "@:"], ["@b:c d"]])
def test_additional_creators_must_be_user_ids(additional: Any) -> None:
    assert_refused(create("12", {"additional_creators": additional}), {}, "additional_creators")


@pytest.mark.parametrize("additional", [[], [BOB], [BOB, CAROL], [ALICE], ["@:b.example"]])
def test_a_create_event_may_name_additional_creators(additional: list[str]) -> None:
    check_event(create("12", {"additional_creators": additional}), {})


@pytest.mark.parametrize("version", versions(last=11))
def test_additional_creators_mean_nothing_before_version_12(version: str) -> None:
    event = create(version, {"additional_creators": "nonsense"})
    check_event(event, {})
    assert creators_of(event, event.rules) == {ALICE}


CREATORS = [(version, {"creator": BOB}, {BOB}) for version in versions(last=10)] + [
    ("1", {"creator": 7}, set()),
    ("11", {}, {ALICE}),
    ("11", {"creator": BOB}, {ALICE}),
    ("12", {}, {ALICE}),
    ("12", {"creator": BOB}, {ALICE}),
    ("12", {"additional_creators": [BOB, CAROL]}, {ALICE, BOB, CAROL}),
]


@pytest.mark.parametrize(("version", "content", "expected"), CREATORS)
def test_the_creators_are_those_the_version_names(
    version: str, content: dict[str, Any], expected: set[str]
) -> None:
    event = create(version, content)
    assert creators_of(event, event.rules) == expected


@pytest.mark.parametrize("version", versions())
def test_an_event_of_a_room_without_a_create_event_is_refused(version: str) -> None:
    room = RoomBuilder.opened(version)
    event = room.make("m.room.message", ALICE, auth_events=[])
    with pytest.raises(AuthorizationFailed, match="no create event"):
        check_state_dependent(event, {})


def test_a_room_id_that_is_not_the_create_events_is_refused() -> None:
    room = RoomBuilder.opened("12")
    other = RoomBuilder.opened("12")
    state = {**room.state, ("m.room.create", ""): other.state["m.room.create", ""]}
    with pytest.raises(AuthorizationFailed, match="not that of the room's create event"):
        check_state_dependent(room.make("m.room.message", ALICE), state)


def test_a_room_id_with_a_wrong_sigil_is_refused() -> None:
    room = RoomBuilder.opened("12")
    event = room.make("m.room.message", ALICE, room_id=room.state["m.room.create", ""].event_id)
    with pytest.raises(AuthorizationFailed, match="not that of the room's create event"):
        check_state_dependent(event, room.state)


def test_an_event_of_a_room_whose_create_event_was_rejected_is_refused() -> None:
    room = RoomBuilder.opened("12")
    room.state["m.room.create", ""].rejected = True
    assert_refused(room.make("m.room.message", ALICE), room.state, "was rejected")


CLOSED: dict[str, Any] = {"m.federate": False}


@pytest.mark.parametrize("version", versions())
def test_a_closed_room_is_for_users_of_its_creators_server(version: str) -> None:
    room = RoomBuilder.opened(version, create_content=CLOSED)
    room.join(DAVE)
    join = room.make("m.room.member", BOB, {"membership": "join"}, state_key=BOB)
    assert_refused(join, room.state, "closed to other servers")


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("federate", [{}, {"m.federate": True}])
def test_a_room_is_open_to_other_servers_unless_it_says_otherwise(
    version: str, federate: dict[str, Any]
) -> None:
    RoomBuilder.opened(version, create_content=federate).join(BOB)


@pytest.mark.parametrize("version", versions())
def test_users_of_other_servers_may_be_invited_to_a_closed_room_but_not_come(version: str) -> None:
    room = RoomBuilder.opened(version, create_content=CLOSED)
    room.invite(ALICE, BOB)
    for membership in ("join", "leave"):
        event = room.make("m.room.member", BOB, {"membership": membership}, state_key=BOB)
        assert_refused(event, room.state, "closed to other servers")
