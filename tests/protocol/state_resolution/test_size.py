"""What resolving a large room costs."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest

from matrix_app.protocol.event_auth.selection import CREATE_KEY
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.protocol.state_resolution import InMemoryEventStore, resolve
from tests.factories.events import ALICE, BOB, RoomBuilder, make_event
from tests.protocol.state_resolution.forks import POWER_LEVELS, TOPIC, member, set_topic
from tests.protocol.state_resolution.room_graphs import ids

MEMBERS = [f"@user{number}:h{number % 50}.example" for number in range(5000)]


class CountingStore(InMemoryEventStore):
    """Counts what it is asked for."""

    def __init__(self, events: Iterable[Event]) -> None:
        super().__init__(events)
        self.requests = 0
        self.loaded: set[str] = set()

    def events(self, event_ids: Iterable[str]) -> dict[str, Event]:
        found = super().events(event_ids)
        self.requests += 1
        self.loaded |= found.keys()
        return found


def large_room(version: str) -> RoomBuilder:
    room = RoomBuilder.opened(version, power_levels={"users": {BOB: 50}})
    room.join(BOB)
    for user_id in MEMBERS:
        room.apply(room.make("m.room.member", user_id, {"membership": "join"}, state_key=user_id))
    return room


@pytest.mark.parametrize("version", ["1", "10", "12"])
def test_200_conflicts_in_a_room_of_5000_are_resolved_within_two_seconds(version: str) -> None:
    room = large_room(version)
    other = room.fork()
    for user_id in MEMBERS[:100]:
        room.apply(room.make("m.room.member", BOB, {"membership": "ban"}, state_key=user_id))
    for user_id in MEMBERS[:200]:
        content = {"membership": "join", "displayname": "late"}
        other.apply(other.make("m.room.member", user_id, content, state_key=user_id))
    store = InMemoryEventStore([*room.events, *other.events])
    states = [ids(room.state), ids(other.state)]
    started = time.thread_time()
    resolved = resolve(room.rules, states, store)
    assert time.thread_time() - started < 2
    if version != "1":
        assert all(resolved[member(user_id)] == states[0][member(user_id)] for user_id in MEMBERS[:100])
    assert all(resolved[member(user_id)] == states[1][member(user_id)] for user_id in MEMBERS[100:200])
    assert len(resolved) == len(states[0])


@pytest.mark.parametrize("version", ["1", "10", "12"])
def test_what_is_not_in_conflict_is_not_loaded(version: str) -> None:
    room = large_room(version)
    first = set_topic(room, ALICE, "first")
    other = room.fork()
    second = set_topic(room, ALICE, "second")
    third = set_topic(other, BOB, "third")
    store = CountingStore([*room.events, *other.events])
    resolve(room.rules, [ids(room.state), ids(other.state)], store)
    authorising = {event.event_id for event in room.events[:5]}
    assert first.event_id not in store.loaded
    # All else is what authorises the two.
    bobs = {room.state[member(BOB)].event_id}
    assert store.loaded <= {second.event_id, third.event_id} | authorising | bobs
    assert store.requests <= 8


@pytest.mark.parametrize("version", ["1", "10", "12"])
def test_equal_states_are_returned_without_a_question_to_the_store(version: str) -> None:
    state = {TOPIC: "$a", POWER_LEVELS: "$b"}
    store = CountingStore([])
    assert resolve(ROOM_VERSIONS[version], [state, dict(state)], store) == state
    assert resolve(ROOM_VERSIONS[version], [state], store) == state
    assert store.requests == 0


def append_power_levels(room: RoomBuilder, count: int) -> None:
    """Let Alice send the same power levels over and over, each resting on the ones before."""
    base = [room.state[key] for key in (CREATE_KEY, member(ALICE))]
    if room.rules.room_id_is_create_hash:
        base = base[1:]
    for _ in range(count):
        before = room.state[POWER_LEVELS]
        room.state[POWER_LEVELS] = make_event(
            room.rules,
            type="m.room.power_levels",
            content=before.content,
            state_key="",
            room_id=room.room_id,
            auth_events=[before, *base],
            depth=before.depth + 1,
        )
        room.events.append(room.state[POWER_LEVELS])


def test_an_auth_chain_and_a_mainline_of_100000_events_are_walked_without_recursion() -> None:
    room = RoomBuilder.opened("10")
    old = set_topic(room, ALICE, "old levels", origin_server_ts=2_000_000_000_000)
    append_power_levels(room, 100_000)
    state = ids(room.state)
    new = set_topic(room, ALICE, "new levels", origin_server_ts=1)
    states = [state | {TOPIC: old.event_id}, state | {TOPIC: new.event_id}]
    assert resolve(room.rules, states, InMemoryEventStore(room.events))[TOPIC] == new.event_id


@pytest.mark.parametrize("version", ["10", "12"])
def test_10000_conflicting_power_levels_are_replayed_without_recursion(version: str) -> None:
    room = RoomBuilder.opened(version)
    stale = ids(room.state)
    append_power_levels(room, 10_000)
    resolved = resolve(room.rules, [stale, ids(room.state)], InMemoryEventStore(room.events))
    assert resolved == ids(room.state)
