"""Events that come with joins and gaps."""

import pytest

from matrix_app.services.outliers import ordered_by_auth, store_outliers
from matrix_app.storage import auth_chains, events, rooms
from matrix_app.storage.events import Status
from tests.factories.events import ALICE, BOB, CAROL, RoomBuilder, make_event
from tests.factories.remote_rooms import JoinedRoom, fresh, row_of
from tests.factories.statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)


def _room(version: str = "10") -> RoomBuilder:
    room = RoomBuilder.opened(version)
    room.join(BOB)
    return room


@pytest.mark.parametrize("version", ["1", "10", "12"])
def test_events_are_judged_by_what_authorises_them_whatever_their_order(version: str) -> None:
    room = _room(version)
    forged = room.make("m.room.topic", CAROL, {"topic": "mine"}, state_key="")
    identity = rooms.create(str(room.room_id), version, None, None)
    store_outliers(identity, [fresh(event) for event in [forged, *room.events[::-1]]])
    assert [row_of(event).status for event in room.events] == [Status.NORMAL] * len(room.events)
    assert row_of(forged).status == Status.REJECTED
    assert all(row_of(event).is_outlier for event in room.events)


def test_what_rests_on_a_rejected_event_is_rejected() -> None:
    room = _room()
    join = room.make("m.room.member", CAROL, {"membership": "ban"}, state_key=BOB)
    resting = room.make("m.room.topic", CAROL, {}, state_key="", auth_events=[room.events[0], join])
    identity = rooms.create(str(room.room_id), "10", None, None)
    store_outliers(identity, [fresh(event) for event in (*room.events, join, resting)])
    assert row_of(resting).status == Status.REJECTED


def test_events_whose_auth_events_are_missing_or_go_in_circles_are_left_out() -> None:
    room = _room()
    identity = rooms.create(str(room.room_id), "10", None, None)
    without = room.events[2:]
    store_outliers(identity, [fresh(event) for event in without])
    assert events.nids_by_id(event.event_id for event in without) == {}
    one = make_event(room.rules, type="m.a", event_id="$" + "a" * 43)
    other = make_event(room.rules, type="m.a", event_id="$" + "b" * 43, auth_events=[one])
    one.auth_event_ids.append(other.event_id)
    assert ordered_by_auth([one, other]) == []


def test_the_auth_chain_of_an_event_holds_everything_that_it_rests_on() -> None:
    room = _room()
    JoinedRoom(room)
    row = row_of(room.state["m.room.member", BOB])
    chain = auth_chains.load([row.nid])[row.nid]
    create, alice, levels, rule = room.events[:4]
    assert set(chain) == {row_of(event).nid for event in (create, alice, levels, rule)}


def test_a_room_of_many_costs_few_statements() -> None:
    room = RoomBuilder.opened("10")
    for number in range(300):
        room.join(f"@user{number}:s{number % 7}.example")
    with recorded() as statements:
        JoinedRoom(room)
    assert len(statements) < 150
    assert ALICE in {event.sender for event in room.events}
