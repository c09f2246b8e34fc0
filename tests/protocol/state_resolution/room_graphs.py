"""Random rooms for property tests: their events, forks and merges, and states taken from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth import check_event
from matrix_app.protocol.events import Event, type_and_key
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.protocol.state_resolution import InMemoryEventStore, resolve
from tests.factories.events import ALICE, BOB, CAROL, DAVE, RoomBuilder

USERS = [ALICE, BOB, CAROL, DAVE]
VERSIONS = ["1", "2", "10", "11", "12"]
VERSIONS_OF_V2 = [version for version in VERSIONS if version != "1"]
LEVELS = [0, 50, 100]


StateOfIds = dict[type_and_key, str]


@dataclass
class RoomGraph:
    """The events of a room and the state after each that was accepted."""

    rules: RoomVersion
    events: list[Event]
    states: list[StateOfIds]

    def store(self, without: Set[str] = frozenset()) -> InMemoryEventStore:
        return InMemoryEventStore(event for event in self.events if event.event_id not in without)


@st.composite
def room_graphs(draw: st.DrawFn, versions: Sequence[str] = VERSIONS, max_events: int = 25) -> RoomGraph:
    """A room whose servers act at the same time, with clocks and event IDs in any order."""
    room = RoomBuilder.opened(
        draw(st.sampled_from(versions)), power_levels={"users": {BOB: draw(st.sampled_from(LEVELS))}}
    )
    for user_id in sorted(draw(st.sets(st.sampled_from(USERS[1:])))):
        room.join(user_id)
    graph = RoomGraph(room.rules, room.events, [ids(room.state)])
    heads = [room.heads[0]]
    for number in range(draw(st.integers(0, max_events))):
        previous = draw(st.sets(st.integers(0, len(heads) - 1), min_size=1, max_size=3))
        before = merged(graph, sorted(previous))
        branch = room.fork()
        branch.state = before
        branch.heads = [heads[index] for index in sorted(previous)]
        event = draw(next_event(branch, number))
        try:
            check_event(event, before)
        except AuthorizationFailed:
            # Some refused events arrive all the same, and are kept as rejected ones.
            if draw(st.booleans()):
                event.rejected = True
                graph.events.append(event)
            continue
        graph.events.append(event)
        after = before | {key_of(event): event}
        graph.states.append(ids(after))
        heads.append(event)
    return graph


def key_of(event: Event) -> type_and_key:
    """Where the state event stands in a state."""
    assert event.state_key is not None
    return event.type, event.state_key


def ids(state: Mapping[type_and_key, Event]) -> StateOfIds:
    """The state map with event IDs."""
    return {key: event.event_id for key, event in state.items()}


def merged(graph: RoomGraph, indices: list[int]) -> dict[type_and_key, Event]:
    """The state before an event that follows the given ones."""
    by_id = {event.event_id: event for event in graph.events}
    resolved = resolve(graph.rules, [graph.states[index] for index in indices], graph.store())
    return {key: by_id[event_id] for key, event_id in resolved.items()}


@st.composite
def next_event(draw: st.DrawFn, room: RoomBuilder, number: int) -> Event:
    """Something that one of the users may or may not be allowed to do."""
    sender, target = draw(st.sampled_from(USERS)), draw(st.sampled_from(USERS))
    fields: dict[str, Any] = {
        "origin_server_ts": draw(st.integers(1, 8)),
        "event_id": f"${draw(st.integers(0, 9))}event{number:03}:a.example",
    }
    kind = draw(st.sampled_from(["topic", "join", "leave", "kick", "ban", "invite", "rule", "levels"]))
    if kind == "topic":
        return room.make("m.room.topic", sender, {"topic": str(number)}, state_key="", **fields)
    if kind == "rule":
        rule = draw(st.sampled_from(["public", "invite"]))
        return room.make("m.room.join_rules", sender, {"join_rule": rule}, state_key="", **fields)
    if kind == "levels":
        content = draw(levels(room))
        return room.make("m.room.power_levels", sender, content, state_key="", **fields)
    membership = "leave" if kind == "kick" else kind
    state_key = sender if kind in ("join", "leave") else target
    return room.make("m.room.member", sender, {"membership": membership}, state_key=state_key, **fields)


@st.composite
def levels(draw: st.DrawFn, room: RoomBuilder) -> dict[str, Any]:
    """Power levels that name users at random."""
    others = USERS[1:] if room.rules.privileged_creators else USERS
    users = draw(st.dictionaries(st.sampled_from(others), st.sampled_from(LEVELS), max_size=4))
    if not room.rules.privileged_creators:
        users.setdefault(ALICE, 100)
    return {"users": users, "state_default": draw(st.sampled_from([0, 50]))}


@st.composite
def states_of(draw: st.DrawFn, graph: RoomGraph, max_states: int = 4) -> list[StateOfIds]:
    """Some of the states that the room had."""
    return draw(st.lists(st.sampled_from(graph.states), min_size=1, max_size=max_states))


@st.composite
def invented_states(draw: st.DrawFn, graph: RoomGraph, max_states: int = 3) -> list[StateOfIds]:
    """States that never were, made of the room's events: what a malicious server may claim."""
    by_key: dict[type_and_key, list[str]] = {}
    for event in graph.events:
        by_key.setdefault(key_of(event), []).append(event.event_id)
    choices = {key: st.none() | st.sampled_from(event_ids) for key, event_ids in by_key.items()}
    claimed = draw(st.lists(st.fixed_dictionaries(choices), min_size=1, max_size=max_states))
    return [{key: value for key, value in state.items() if value is not None} for state in claimed]
