"""Whatever the order in which the events of a room arrive: servers agree on its state."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from django.db import transaction
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from matrix_app.protocol.events import Event, type_and_key
from matrix_app.services.received_lines import store_line
from matrix_app.services.room_history import known_state, store_history
from matrix_app.storage import state
from matrix_app.storage.cache import clear_all
from matrix_app.storage.events import Status
from tests.factories.events import ALICE, RoomBuilder
from tests.factories.remote_rooms import ZOE, JoinedRoom, fresh, named, row_of, snapshot_is_present_state
from tests.protocol.state_resolution.room_graphs import RoomGraph, room_graphs

pytestmark = pytest.mark.django_db


def _shuffled(events: Sequence[Event], choose: random.Random) -> list[Event]:
    """The events in an order in which each follows those that it names."""
    waiting = list(events)
    here: set[str] = set()
    known = {event.event_id for event in events}
    ordered = []
    while waiting:
        ready = [
            event
            for event in waiting
            if not {*event.prev_event_ids, *event.auth_event_ids}.intersection(known) - here
        ]
        event = choose.choice(ready)
        waiting.remove(event)
        here.add(event.event_id)
        ordered.append(event)
    return ordered


def _builder(graph: RoomGraph, opening: Sequence[Event]) -> RoomBuilder:
    builder = RoomBuilder.__new__(RoomBuilder)
    builder.rules, builder.creator, builder.room_id = graph.rules, ALICE, opening[0].room_id
    builder.state, builder.heads, builder.events = {}, [], []
    for event in opening:
        builder.apply(event)
    return builder


def _deliver(graph: RoomGraph, builder: RoomBuilder, seed: int) -> dict[type_and_key, str]:
    """Join the room at its beginning, receive everything in some order, then an event on top of it all.

    Odd seeds store in lines what comes in lines.
    """
    opening, rest = graph.events[:4], graph.events[4:]
    room = JoinedRoom.joined_by(builder.fork())
    before = known_state(room.identity, [event.event_id for event in opening[:-1]])
    assert store_history(room.identity, fresh(opening[-1]), before) == Status.NORMAL
    waiting = _shuffled(rest, random.Random(seed))
    while waiting:
        if seed % 2:
            del waiting[: store_line(room.identity, [fresh(event) for event in waiting], lambda _: None)]
        if not waiting:
            break
        event = waiting.pop(0)
        status = room.receive(event)
        assert (status == Status.REJECTED) == event.rejected, event
        if status == Status.REJECTED:
            assert event.event_id not in room.state().values()
        assert snapshot_is_present_state(room.identity)
    named_before = {event_id for event in graph.events for event_id in event.prev_event_ids}
    room.builder.heads = [event for event in graph.events if event.event_id not in named_before]
    room.builder.heads += [room.builder.events[-1]]
    last = room.builder.make("m.room.message", ALICE, {"body": "all of it"}, event_id="$last:a.example")
    room.receive(last)
    found = row_of(last)
    assume(found.status == Status.NORMAL)
    assert found.state_nid is not None
    assert room.state() == named(dict(state.load(found.state_nid)))
    return room.state()


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, *HealthCheck]
)
@given(room_graphs(max_events=15), st.integers(), st.integers())
def test_the_order_of_arrival_does_not_matter(graph: RoomGraph, one: int, other: int) -> None:
    builder = _builder(graph, graph.events[:4])
    builder.join(ZOE)
    states = []
    for seed in (2 * one, 2 * other + 1):
        clear_all()
        point = transaction.savepoint()
        try:
            states.append(_deliver(graph, builder, seed))
        finally:
            transaction.savepoint_rollback(point)
            clear_all()
    assert states[0] == states[1]
