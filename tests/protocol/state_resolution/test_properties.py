"""What holds for every room, whatever its events."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth import PowerLevels, check_state_dependent, membership_of
from matrix_app.protocol.events import Event, StateMap
from matrix_app.protocol.state_resolution import resolve
from tests.protocol.state_resolution.reference import Reference
from tests.protocol.state_resolution.room_graphs import (
    VERSIONS,
    VERSIONS_OF_V2,
    RoomGraph,
    StateOfIds,
    invented_states,
    key_of,
    room_graphs,
    states_of,
)

bounded = settings(max_examples=150, deadline=None)


GraphAndStates = tuple[RoomGraph, list[StateOfIds]]


@st.composite
def graph_and_states(
    draw: st.DrawFn, versions: Sequence[str] = VERSIONS, invented: bool | None = None
) -> GraphAndStates:
    graph = draw(room_graphs(versions))
    invented = draw(st.booleans()) if invented is None else invented
    return graph, draw((invented_states if invented else states_of)(graph))


@bounded
@given(graph_and_states())
def test_the_result_is_what_the_text_of_the_specification_gives(drawn: GraphAndStates) -> None:
    graph, states = drawn
    expected = Reference(graph.rules, graph.events).resolve(states)
    assert resolve(graph.rules, states, graph.store()) == expected


@bounded
@given(graph_and_states(), st.data())
def test_the_result_is_the_same_as_the_texts_when_events_are_missing(
    drawn: GraphAndStates, data: st.DataObject
) -> None:
    graph, states = drawn
    missing = data.draw(st.sets(st.sampled_from([event.event_id for event in graph.events]), max_size=4))
    known = [event for event in graph.events if event.event_id not in missing]
    expected = Reference(graph.rules, known).resolve(states)
    assert resolve(graph.rules, states, graph.store(without=missing)) == expected


@bounded
@given(graph_and_states(), st.randoms(use_true_random=False))
def test_the_order_of_states_and_of_their_entries_does_not_matter(
    drawn: GraphAndStates, random: Random
) -> None:
    graph, states = drawn
    expected = resolve(graph.rules, states, graph.store())
    shuffled = [dict(random.sample(sorted(state.items()), len(state))) for state in states]
    random.shuffle(shuffled)
    random.shuffle(graph.events)
    assert resolve(graph.rules, [*shuffled, shuffled[0]], graph.store()) == expected


@bounded
@given(graph_and_states())
def test_a_resolved_state_resolved_with_itself_stays_as_it_is(drawn: GraphAndStates) -> None:
    graph, states = drawn
    resolved = resolve(graph.rules, states, graph.store())
    assert resolve(graph.rules, [resolved, dict(resolved)], graph.store()) == resolved


@bounded
@given(graph_and_states())
def test_what_all_states_agree_on_is_in_the_result(drawn: GraphAndStates) -> None:
    graph, states = drawn
    agreed = set(states[0].items()).intersection(*(state.items() for state in states))
    assert agreed <= resolve(graph.rules, states, graph.store()).items()


@bounded
@given(graph_and_states(invented=True))
def test_a_rejected_event_never_comes_out_of_a_conflict(drawn: GraphAndStates) -> None:
    graph, states = drawn
    rejected = {event.event_id for event in graph.events if event.rejected}
    agreed = set(states[0].values()).intersection(*(state.values() for state in states))
    # Version 1 takes what only some states have for agreed upon, as its text says.
    if graph.rules.state_resolution == "v1":
        agreed = set().union(*(state.values() for state in states))
        conflicting = {
            key
            for state in states
            for other in states
            for key in state.keys() & other.keys()
            if state[key] != other[key]
        }
        agreed -= {state[key] for state in states for key in conflicting if key in state}
    assert not rejected & (set(resolve(graph.rules, states, graph.store()).values()) - agreed)


@bounded
@given(graph_and_states(versions=VERSIONS_OF_V2))
def test_nothing_comes_out_of_a_conflict_but_what_the_rules_allowed_last(drawn: GraphAndStates) -> None:
    graph, states = drawn
    verdicts: dict[str, bool] = {}

    def check(event: Event, state: StateMap) -> None:
        verdicts[event.event_id] = False
        check_state_dependent(event, state)
        verdicts[event.event_id] = True

    resolved = resolve(graph.rules, states, graph.store(), check=check)
    agreed = set(states[0].items()).intersection(*(state.items() for state in states))
    if any(state != states[0] for state in states):
        assert all(verdicts[event_id] for _, event_id in resolved.items() - agreed)


@bounded
@given(graph_and_states(versions=["2", "10", "11"], invented=False))
def test_a_topic_that_wins_a_conflict_is_by_someone_who_still_may_set_it(drawn: GraphAndStates) -> None:
    graph, states = drawn
    resolved = resolve(graph.rules, states, graph.store())
    topic_id = resolved.get(("m.room.topic", ""))
    if topic_id is None or all(state.get(("m.room.topic", "")) == topic_id for state in states):
        return
    by_id = {event.event_id: event for event in graph.events}
    state = {key: by_id[event_id] for key, event_id in resolved.items()}
    topic = by_id[topic_id]
    levels = PowerLevels.from_state(state, graph.rules)
    assert levels.user_level(topic.sender) >= levels.level_for_event("m.room.topic", is_state=True)
    assert membership_of(state, topic.sender) != "ban"


@bounded
@given(graph_and_states(invented=False))
def test_every_event_of_a_result_is_allowed_by_the_events_it_cites(drawn: GraphAndStates) -> None:
    graph, states = drawn
    by_id = {event.event_id: event for event in graph.events}
    for event_id in resolve(graph.rules, states, graph.store()).values():
        event = by_id[event_id]
        cited = {key_of(by_id[auth_id]): by_id[auth_id] for auth_id in event.auth_event_ids}
        cited.setdefault(("m.room.create", ""), graph.events[0])
        try:
            check_state_dependent(event, cited)
        except AuthorizationFailed as refusal:
            raise AssertionError(f"{event} is in the result") from refusal
