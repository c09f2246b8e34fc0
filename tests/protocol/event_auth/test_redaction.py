"""Who may send a redaction, and when it takes effect."""

import pytest

from matrix_app.protocol.event_auth import check_event, may_apply_redaction
from matrix_app.protocol.events import Event
from tests.factories.events import ALICE, BOB, CAROL, RoomBuilder
from tests.protocol.event_auth.refusals import assert_refused, versions

ERIN = "@erin:b.example"


def room_with_message(version: str, **levels: int) -> tuple[RoomBuilder, Event]:
    """A room with Bob, who has level 40, Erin on his server and Carol; and a message of Carol's."""
    room = RoomBuilder.opened(version, power_levels={**levels, "users": {BOB: 40}})
    for user in (BOB, ERIN, CAROL):
        room.join(user)
    return room, room.message(CAROL)


def redaction(room: RoomBuilder, sender: str, event_id: str) -> Event:
    return room.make("m.room.redaction", sender, redacts=event_id)


@pytest.mark.parametrize("version", versions(last=2))
def test_redacting_takes_the_redact_level_in_versions_1_and_2(version: str) -> None:
    for level, allowed in ((40, True), (41, False)):
        room, message = room_with_message(version, redact=level)
        event = redaction(room, BOB, message.event_id)
        assert may_apply_redaction(event, message, room.state) == allowed
        if allowed:
            check_event(event, room.state)
        else:
            assert_refused(event, room.state, "may not redact")


@pytest.mark.parametrize("version", versions(last=2))
def test_servers_redact_events_with_ids_of_their_own_in_versions_1_and_2(version: str) -> None:
    room, _ = room_with_message(version)
    message = room.message(ERIN)
    event = redaction(room, BOB, message.event_id)
    check_event(event, room.state)
    assert may_apply_redaction(event, message, room.state)


@pytest.mark.parametrize("version", versions(last=2))
def test_it_is_event_ids_that_count_in_versions_1_and_2(version: str) -> None:
    room, _ = room_with_message(version)
    message = room.make("m.room.message", CAROL, event_id="$relayed:b.example")
    event = redaction(room, BOB, message.event_id)
    check_event(event, room.state)
    assert may_apply_redaction(event, message, room.state)


@pytest.mark.parametrize("version", versions(last=2))
@pytest.mark.parametrize("redacts", [None, "$nodomain", "$x:c.example"])
def test_a_redaction_of_nothing_here_is_refused_in_versions_1_and_2(
    version: str, redacts: str | None
) -> None:
    room, _ = room_with_message(version)
    event = room.make("m.room.redaction", BOB, redacts=redacts)
    assert_refused(event, room.state, "may not redact")


@pytest.mark.parametrize("version", versions(first=3))
def test_anybody_may_send_a_redaction_from_version_3(version: str) -> None:
    room, message = room_with_message(version, redact=1000)
    check_event(redaction(room, ERIN, message.event_id), room.state)


@pytest.mark.parametrize("version", versions())
def test_sending_a_redaction_takes_the_level_of_its_type(version: str) -> None:
    room, _ = room_with_message(version, events_default=0)
    message = room.message(BOB)
    room.set_power_levels({**room.state["m.room.power_levels", ""].content, "events_default": 39})
    check_event(redaction(room, BOB, message.event_id), room.state)
    assert_refused(redaction(room, ERIN, message.event_id), room.state, "may not send m.room.redaction")


@pytest.mark.parametrize("version", versions(first=3))
def test_a_redaction_takes_effect_with_the_redact_level_from_version_3(version: str) -> None:
    for level, applied in ((40, True), (41, False)):
        room, message = room_with_message(version, redact=level)
        event = redaction(room, BOB, message.event_id)
        assert may_apply_redaction(event, message, room.state) == applied


@pytest.mark.parametrize("version", versions(first=3))
def test_a_redaction_takes_effect_on_events_of_the_same_server_from_version_3(version: str) -> None:
    room, _ = room_with_message(version)
    message = room.message(ERIN)
    assert may_apply_redaction(redaction(room, BOB, message.event_id), message, room.state)
    assert may_apply_redaction(redaction(room, ERIN, message.event_id), message, room.state)
    assert not may_apply_redaction(redaction(room, CAROL, message.event_id), message, room.state)


def test_creators_redact_anything_in_version_12() -> None:
    room, message = room_with_message("12", redact=2**53 - 1)
    assert may_apply_redaction(redaction(room, ALICE, message.event_id), message, room.state)


@pytest.mark.parametrize("version", versions())
def test_a_redaction_takes_effect_on_the_event_it_names_alone(version: str) -> None:
    room, message = room_with_message(version)
    other = room.message(CAROL)
    assert not may_apply_redaction(redaction(room, ALICE, message.event_id), other, room.state)
    nothing = room.make("m.room.redaction", ALICE)
    assert not may_apply_redaction(nothing, message, room.state)


@pytest.mark.parametrize("version", versions())
def test_a_redaction_takes_no_effect_in_another_room(version: str) -> None:
    room, _ = room_with_message(version)
    _, elsewhere = room_with_message(version)
    assert not may_apply_redaction(redaction(room, ALICE, elsewhere.event_id), elsewhere, room.state)


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_redaction_takes_no_effect_on_itself(version: str) -> None:
    room, _ = room_with_message(version)
    own_id = "$itself:a.example"
    itself = room.make("m.room.redaction", ALICE, redacts=own_id, event_id=own_id)
    assert not may_apply_redaction(itself, itself, room.state)
