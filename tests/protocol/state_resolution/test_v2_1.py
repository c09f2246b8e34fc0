"""Where version 2.1 keeps what version 2 resets."""

from __future__ import annotations

from matrix_app.protocol.events import Event
from tests.factories.events import ALICE, BOB, CAROL, DAVE, RoomBuilder
from tests.protocol.state_resolution.forks import (
    POWER_LEVELS,
    TOPIC,
    member,
    resolve_states,
    set_topic,
)

State = dict[tuple[str, str], Event]


def room_with_bob_and_carol(version: str) -> RoomBuilder:
    room = RoomBuilder.opened(version, power_levels={"users": {BOB: 50}})
    for user_id in (BOB, CAROL, DAVE):
        room.join(user_id)
    return room


def topics_before_an_agreed_departure(version: str) -> tuple[Event, State]:
    """A topic that only one state has, set by Bob before he left in both."""
    room = room_with_bob_and_carol(version)
    topic = set_topic(room, BOB, "Bob's")
    room.leave(BOB)
    without = {key: event for key, event in room.state.items() if key != TOPIC}
    return topic, resolve_states(room.rules, [room], [room.state, without])


def test_version_2_judges_an_old_event_by_the_agreed_state_and_loses_it() -> None:
    _, result = topics_before_an_agreed_departure("11")
    assert TOPIC not in result


def test_version_2_1_starts_from_an_empty_state_and_keeps_it() -> None:
    topic, result = topics_before_an_agreed_departure("12")
    assert result[TOPIC] is topic


def test_version_2_1_still_takes_what_is_agreed_over_what_it_replayed() -> None:
    room = room_with_bob_and_carol("12")
    joined = room.state[member(BOB)]
    # Levels by Bob lie between two conflicting events, his join and a topic, and so are replayed.
    between = room.set_power_levels({"users": {BOB: 50, CAROL: 50}, "ban": 50}, sender=BOB)
    topic = set_topic(room, CAROL, "Carol's")
    assert between.event_id in topic.auth_event_ids
    assert joined.event_id in between.auth_event_ids
    room.leave(BOB)
    agreed = room.set_power_levels({"users": {BOB: 50}})
    other = {key: event for key, event in room.state.items() if key != TOPIC} | {member(BOB): joined}
    result = resolve_states(room.rules, [room], [room.state, other])
    assert result[POWER_LEVELS] is agreed


def levels_skipping_one(version: str) -> tuple[Event, Event, State]:
    """Two states disagree on the first and the third power levels; both know the second.

    By the first Bob has power; by the second he has made Carol his successor; the third is Carol's.
    """
    room = RoomBuilder.opened(version)
    for user_id in (BOB, CAROL, DAVE):
        room.join(user_id)
    creator = {} if room.rules.privileged_creators else {ALICE: 100}
    first = room.set_power_levels({"users": {**creator, BOB: 90}})
    room.set_power_levels({"users": {**creator, BOB: 90, CAROL: 80}}, sender=BOB)
    third = room.set_power_levels({"users": {**creator, BOB: 90, CAROL: 80, DAVE: 70}}, sender=CAROL)
    # Both states have a topic that rests on the third, so all three are in both auth chains.
    set_topic(room, DAVE, "agreed")
    stale = room.state | {POWER_LEVELS: first}
    return first, third, resolve_states(room.rules, [room], [room.state, stale])


def test_version_2_resets_power_levels_when_what_led_from_one_to_the_other_is_not_in_conflict() -> None:
    first, _, result = levels_skipping_one("11")
    assert result[POWER_LEVELS] is first


def test_version_2_1_replays_the_events_between_conflicting_ones() -> None:
    _, third, result = levels_skipping_one("12")
    assert result[POWER_LEVELS] is third


def test_the_create_event_is_found_by_the_room_id() -> None:
    room = room_with_bob_and_carol("12")
    other = room.fork()
    topic = set_topic(room, BOB, "by Bob")
    # A state without a create event, as only a broken server can claim it.
    headless = {key: event for key, event in other.state.items() if key != ("m.room.create", "")}
    result = resolve_states(room.rules, [room, other], [room.state, headless])
    assert result[TOPIC] is topic
    assert result["m.room.create", ""] is room.events[0]


def test_additional_creators_stand_above_all_power_levels() -> None:
    room = RoomBuilder.opened("12", create_content={"additional_creators": [BOB]})
    room.join(BOB)
    room.join(CAROL)
    room.set_power_levels({"users": {CAROL: 100}})
    other = room.fork()
    ban = room.ban(BOB, CAROL)
    other.set_power_levels({"users": {CAROL: 100, DAVE: 100}}, sender=CAROL)
    result = resolve_states(room.rules, [room, other], [room.state, other.state])
    assert result[member(CAROL)] is ban
    assert result[POWER_LEVELS] is room.state[POWER_LEVELS]
