"""Forks in rooms of version 1."""

from __future__ import annotations

from hashlib import sha1

import pytest

from tests.factories.events import ALICE, BOB, CAROL, DAVE, RoomBuilder
from tests.protocol.state_resolution.forks import (
    JOIN_RULES,
    POWER_LEVELS,
    TOPIC,
    member,
    resolve_forks,
    resolve_states,
    set_topic,
)


@pytest.fixture
def room() -> RoomBuilder:
    """A public room of Alice's, with Bob (50), Carol (50) and Dave (0)."""
    room = RoomBuilder.opened("1", power_levels={"users": {BOB: 50, CAROL: 50}})
    for user_id in (BOB, CAROL, DAVE):
        room.join(user_id)
    return room


def test_what_only_one_state_has_is_no_conflict(room: RoomBuilder) -> None:
    other = room.fork()
    topic = set_topic(room, BOB, "only here")
    join = other.join("@zara:z.example")
    result = resolve_forks(room, other)
    assert result[TOPIC] is topic
    assert result[member("@zara:z.example")] is join


def test_the_deepest_topic_that_is_allowed_wins(room: RoomBuilder) -> None:
    other = room.fork()
    set_topic(room, BOB, "shallow", origin_server_ts=2_000_000_000_000)
    other.message(CAROL)
    deep = set_topic(other, CAROL, "deep", origin_server_ts=1)
    assert resolve_forks(room, other)[TOPIC] is deep


def test_of_two_topics_of_one_depth_the_smaller_sha1_wins(room: RoomBuilder) -> None:
    other = room.fork()
    topics = [set_topic(room, BOB, "one"), set_topic(other, CAROL, "other")]
    smallest = min(topics, key=lambda topic: sha1(topic.event_id.encode()).hexdigest())
    assert resolve_forks(room, other)[TOPIC] is smallest


def test_a_topic_that_the_resolved_state_forbids_loses_however_deep(room: RoomBuilder) -> None:
    other = room.fork()
    kept = set_topic(room, ALICE, "Alice's")
    room.ban(ALICE, BOB)
    other.message(BOB)
    other.message(BOB)
    set_topic(other, BOB, "Bob's")
    result = resolve_forks(room, other)
    assert result[TOPIC] is kept


def test_power_levels_are_taken_as_long_as_each_allows_the_next(room: RoomBuilder) -> None:
    other = room.fork()
    room.set_power_levels({"users": {ALICE: 100, BOB: 0, CAROL: 50}})
    other.message(BOB)
    refused = other.set_power_levels({"users": {ALICE: 100, BOB: 50, CAROL: 50, DAVE: 50}}, sender=BOB)
    result = resolve_forks(room, other)
    # The shallower demotes Bob, so what he sent deeper down does not follow from it.
    assert refused.depth > room.state[POWER_LEVELS].depth
    assert result[POWER_LEVELS] is room.state[POWER_LEVELS]


def test_join_rules_are_settled_before_memberships(room: RoomBuilder) -> None:
    other = room.fork()
    room.message(ALICE)
    closing = room.set_join_rule("invite")
    room.kick(ALICE, DAVE)
    other.set_join_rule("public")
    other.send("m.room.member", DAVE, {"membership": "join", "displayname": "D"}, state_key=DAVE)
    result = resolve_forks(room, other)
    assert result[JOIN_RULES] is closing
    assert result[member(DAVE)].content["membership"] == "leave"


def test_the_shallowest_of_conflicting_memberships_needs_no_permission(room: RoomBuilder) -> None:
    # "Add the first event in the list to R": the known flaw of version 1, which all servers share.
    old = dict(room.state)
    renamed = room.send("m.room.member", DAVE, {"membership": "join", "displayname": "D"}, state_key=DAVE)
    room.ban(ALICE, DAVE)
    assert resolve_states(room.rules, [room], [old, room.state])[member(DAVE)] is room.state[member(DAVE)]
    assert renamed.depth < room.state[member(DAVE)].depth


def test_a_conflict_in_which_nothing_is_allowed_leaves_nothing(room: RoomBuilder) -> None:
    other = room.fork()
    set_topic(room, BOB, "one")
    set_topic(other, BOB, "other")
    room.ban(ALICE, BOB)
    other.state[member(BOB)] = room.state[member(BOB)]
    assert TOPIC not in resolve_forks(room, other)
