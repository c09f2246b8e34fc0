"""States and events made to break the algorithm: it ends, and no such event gets in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.protocol.state_resolution import InMemoryEventStore, resolve
from tests.factories.events import ALICE, BOB, CAROL, RoomBuilder, make_event
from tests.protocol.state_resolution.forks import POWER_LEVELS, TOPIC, member, set_topic
from tests.protocol.state_resolution.room_graphs import VERSIONS, StateOfIds, ids, key_of

CREATE = ("m.room.create", "")


@pytest.fixture(params=VERSIONS)
def room(request: pytest.FixtureRequest) -> RoomBuilder:
    room = RoomBuilder.opened(request.param, power_levels={"users": {BOB: 50}})
    room.join(BOB)
    set_topic(room, ALICE, "first")
    return room


def resolve_with(
    room: RoomBuilder, *states: StateOfIds, lacking: Iterable[Event] = (), extra: Iterable[Event] = ()
) -> StateOfIds:
    unknown = {event.event_id for event in lacking}
    events = [event for event in [*room.events, *extra] if event.event_id not in unknown]
    return resolve(room.rules, states, InMemoryEventStore(events))


def test_no_states_resolve_to_an_empty_one(room: RoomBuilder) -> None:
    assert resolve(room.rules, [], InMemoryEventStore()) == {}


def test_an_unknown_event_does_not_win(room: RoomBuilder) -> None:
    state = ids(room.state)
    assert resolve_with(room, state, state | {TOPIC: "$unknown"}) == state


def test_states_of_unknown_events_resolve_to_what_they_agree_on(room: RoomBuilder) -> None:
    store = InMemoryEventStore()
    a, b = {TOPIC: "$a", CREATE: "$c"}, {TOPIC: "$b", CREATE: "$c"}
    assert resolve(room.rules, [a, b], store) == {CREATE: "$c"}


def test_without_the_create_event_nothing_is_allowed(room: RoomBuilder) -> None:
    state = ids(room.state)
    other = set_topic(room, BOB, "second")
    resolved = resolve_with(room, state, state | {TOPIC: other.event_id}, lacking=room.events[:1])
    assert TOPIC not in resolved
    assert resolved.items() <= state.items()


def test_a_rejected_event_does_not_win(room: RoomBuilder) -> None:
    state = ids(room.state)
    rejected = room.make("m.room.topic", ALICE, {"topic": "later"}, state_key="", rejected=True)
    assert resolve_with(room, state, state | {TOPIC: rejected.event_id}, extra=[rejected]) == state


def test_rejected_power_levels_lend_nobody_power(room: RoomBuilder) -> None:
    state = ids(room.state)
    levels = room.make("m.room.power_levels", CAROL, {"users": {CAROL: 100}}, state_key="", rejected=True)
    fork = room.fork()
    fork.join(CAROL)
    fork.state[POWER_LEVELS] = levels
    topic = fork.make("m.room.topic", CAROL, {"topic": "Carol's"}, state_key="")
    fork.apply(topic)
    resolved = resolve_with(room, state, ids(fork.state), extra=[levels, *fork.events])
    assert resolved[POWER_LEVELS] == state[POWER_LEVELS]
    assert resolved[TOPIC] == state[TOPIC]


def test_rejected_power_levels_are_not_used_even_where_the_state_has_none(room: RoomBuilder) -> None:
    room.join(CAROL)
    room.state.pop(POWER_LEVELS)
    state = ids(room.state)
    levels = room.make("m.room.power_levels", CAROL, {"users": {CAROL: 100}}, state_key="", rejected=True)
    room.state[POWER_LEVELS] = levels
    topic = room.make("m.room.topic", CAROL, {"topic": "Carol's"}, state_key="")
    resolved = resolve_with(room, state, state | {TOPIC: topic.event_id}, extra=[levels, topic])
    assert resolved == state


def test_a_second_create_event_ends_in_one_of_both(room: RoomBuilder) -> None:
    state = ids(room.state)
    second = make_event(
        room.rules,
        type="m.room.create",
        state_key="",
        sender=ALICE,
        content={"room_version": room.rules.identifier, "creator": ALICE},
        room_id=None if room.rules.room_id_is_create_hash else room.room_id,
    )
    resolved = resolve_with(room, state, state | {CREATE: second.event_id}, extra=[second])
    assert resolved[CREATE] in (state[CREATE], second.event_id)
    assert resolved[member(ALICE)] == state[member(ALICE)]


def test_events_that_authorise_each_other_in_a_circle_do_not_get_in(room: RoomBuilder) -> None:
    state = ids(room.state)
    first = room.make("m.room.power_levels", ALICE, {"users": {CAROL: 100}}, state_key="")
    second = room.make("m.room.power_levels", ALICE, {"users": {CAROL: 99}}, state_key="")
    first.auth_event_ids.append(second.event_id)
    second.auth_event_ids.append(first.event_id)
    topic = room.make("m.room.topic", BOB, {"topic": "on the circle"}, state_key="")
    topic.auth_event_ids.insert(0, first.event_id)
    claimed = state | {POWER_LEVELS: first.event_id, TOPIC: topic.event_id}
    resolved = resolve_with(room, state, claimed, extra=[first, second, topic])
    # Version 1 knows no auth graph, so that nothing of this is visible to it.
    if room.rules.state_resolution != "v1":
        assert resolved[POWER_LEVELS] == state[POWER_LEVELS]


def test_an_event_that_authorises_itself_does_not_get_in(room: RoomBuilder) -> None:
    state = ids(room.state)
    levels = room.make("m.room.power_levels", ALICE, {"users": {CAROL: 100}}, state_key="")
    levels.auth_event_ids.append(levels.event_id)
    resolved = resolve_with(room, state, state | {POWER_LEVELS: levels.event_id}, extra=[levels])
    if room.rules.state_resolution != "v1":
        assert resolved[POWER_LEVELS] == state[POWER_LEVELS]


def test_a_message_claimed_as_state_does_not_get_in(room: RoomBuilder) -> None:
    state = ids(room.state)
    message = room.message(ALICE)
    assert resolve_with(room, state, state | {TOPIC: message.event_id})[TOPIC] == state[TOPIC]


@pytest.mark.parametrize("depth", [-(2**53), 0, 2**53 - 1, 10**40])
def test_an_absurd_depth_is_only_a_number(room: RoomBuilder, depth: int) -> None:
    state = ids(room.state)
    topic = room.make("m.room.topic", ALICE, {"topic": "deep"}, state_key="", depth=depth)
    resolved = resolve_with(room, state, state | {TOPIC: topic.event_id}, extra=[topic])
    assert resolved[TOPIC] in (state[TOPIC], topic.event_id)


def test_event_ids_that_are_no_unicode_are_sorted_too() -> None:
    room = RoomBuilder.opened("1")
    state = ids(room.state)
    topics = [
        room.make("m.room.topic", ALICE, {}, state_key="", event_id=event_id)
        for event_id in ("$\ud800:a.example", "$\udfff:a.example")
    ]
    states = [state | {TOPIC: topic.event_id} for topic in topics]
    assert resolve_with(room, *states, extra=topics)[TOPIC] in {topic.event_id for topic in topics}


JUNK: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just([]) | st.just({})
)
CONTENTS = st.dictionaries(
    st.sampled_from(
        ["users", "users_default", "events", "ban", "membership", "join_rule", "third_party_invite",
         "join_authorised_via_users_server", "additional_creators", "creator", "room_version"]
    ),
    JUNK | st.lists(JUNK, max_size=2) | st.dictionaries(st.sampled_from([ALICE, BOB, "signed"]), JUNK),
    max_size=5,
)  # fmt: skip
TYPES = ["m.room.create", "m.room.power_levels", "m.room.join_rules", "m.room.member", "m.room.topic"]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(VERSIONS), st.data())
def test_whatever_events_contain_and_cite_they_are_resolved(version: str, data: st.DataObject) -> None:
    rules = ROOM_VERSIONS[version]
    events = []
    for number in range(data.draw(st.integers(2, 12))):
        event = make_event(
            rules,
            type=data.draw(st.sampled_from(TYPES)),
            sender=data.draw(st.sampled_from([ALICE, BOB])),
            state_key=data.draw(st.sampled_from(["", ALICE, BOB]) | st.none()),
            content=data.draw(CONTENTS),
            event_id=f"$event{number}",
            room_id="!event0",
            depth=number,
        )
        event.auth_event_ids.extend(
            data.draw(st.lists(st.sampled_from([f"$event{n}" for n in range(12)]), max_size=4))
        )
        events.append(event)
    placed = [event for event in events if event.is_state]
    states = [{key_of(e): e.event_id for e in data.draw(st.permutations(placed))} for _ in range(2)]
    agreed = dict(set(states[0].items()) & set(states[1].items()))
    resolved = resolve(rules, states, InMemoryEventStore(events))
    assert agreed.items() <= resolved.items()
    assert set(resolved.values()) <= {event.event_id for event in placed}
