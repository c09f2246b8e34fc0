"""The auth graph of events in memory."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.protocol.state_resolution import InMemoryEventStore
from tests.factories.events import make_event
from tests.protocol.state_resolution.reference import Reference

RULES = ROOM_VERSIONS["10"]


def event(event_id: str, *auth_events: Event) -> Event:
    return make_event(RULES, type="m.test", state_key=event_id, event_id=event_id, auth_events=auth_events)


@st.composite
def auth_graphs(draw: st.DrawFn) -> list[Event]:
    events: list[Event] = []
    for number in range(draw(st.integers(1, 12))):
        cited = draw(st.lists(st.sampled_from(events), max_size=3)) if events else []
        events.append(event(f"$e{number}", *cited))
    return events


def sets_of(events: list[Event]) -> st.SearchStrategy[set[str]]:
    return st.sets(st.sampled_from([e.event_id for e in events]))


def test_only_known_events_are_given_out() -> None:
    a = event("$a")
    assert InMemoryEventStore([a]).events(["$a", "$unknown"]) == {"$a": a}


def test_an_event_added_later_is_known() -> None:
    store = InMemoryEventStore()
    a = event("$a")
    store.add(a)
    assert store.events(["$a"]) == {"$a": a}


def test_an_agreed_event_that_only_one_state_builds_on_is_not_in_the_auth_difference() -> None:
    a = event("$a")
    b = event("$b", a)
    assert InMemoryEventStore([a, b]).auth_chain_difference([{"$a"}, {"$a", "$b"}]) == {"$b"}


def test_the_auth_difference_of_no_sets_is_empty() -> None:
    assert InMemoryEventStore([event("$a")]).auth_chain_difference([]) == set()


def test_the_subgraph_holds_what_lies_between_but_nothing_beside_or_above() -> None:
    top = event("$top")
    old = event("$old", top)
    between = event("$between", old)
    beside = event("$beside", top)
    new = event("$new", between, beside)
    store = InMemoryEventStore([top, old, between, beside, new])
    assert store.conflicted_subgraph({"$old", "$new"}) == {"$old", "$between", "$new"}


def test_events_without_a_path_between_them_have_an_empty_subgraph() -> None:
    top = event("$top")
    store = InMemoryEventStore([top, event("$a", top), event("$b", top)])
    assert store.conflicted_subgraph({"$a", "$b"}) == set()


@settings(max_examples=200, deadline=None)
@given(auth_graphs().flatmap(lambda e: st.tuples(st.just(e), st.lists(sets_of(e), min_size=1, max_size=4))))
def test_the_auth_difference_is_the_one_of_the_definition(drawn: tuple[list[Event], list[set[str]]]) -> None:
    events, sets = drawn
    expected = {e.event_id for e in Reference(RULES, events).auth_difference(sets)}
    assert InMemoryEventStore(events).auth_chain_difference(sets) == expected


@settings(max_examples=200, deadline=None)
@given(auth_graphs().flatmap(lambda e: st.tuples(st.just(e), sets_of(e))))
def test_the_subgraph_is_the_one_of_the_definition(drawn: tuple[list[Event], set[str]]) -> None:
    events, ends = drawn
    expected = {e.event_id for e in Reference(RULES, events).conflicted_subgraph(ends)}
    assert InMemoryEventStore(events).conflicted_subgraph(ends) == expected
