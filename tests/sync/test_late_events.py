"""Events of other servers that come later than what followed them."""

from urllib.parse import quote

import pytest

from matrix_app.federation.inbound.backfill import fetch_older
from matrix_app.federation.inbound.peers import use_peers
from matrix_app.services.received_events import store_received
from matrix_app.services.state_forks import PlannedState
from matrix_app.storage import rooms
from tests.factories.client import Client, ClientFactory
from tests.factories.events import BOB, CAROL
from tests.factories.fake_peers import FakePeers, SignedRoom
from tests.factories.remote_rooms import JoinedRoom, fresh
from tests.factories.sliding import Follower, room_list, texts
from tests.factories.syncing import bodies, sync

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def zoe(clients: ClientFactory) -> Client:
    return clients.make()


@pytest.fixture
def room(zoe: Client) -> JoinedRoom:
    builder = SignedRoom.opened("10", power_levels={"users": {BOB: 50}})
    builder.join(BOB)
    builder.join(CAROL)
    return JoinedRoom(builder, zoe.user_id)


def receive_late(room: JoinedRoom) -> None:
    """Three messages come, and then one that was sent beside the first of them."""
    other = room.builder.fork()
    for body in ("one", "two", "three"):
        room.receive(room.builder.message(BOB, body))
    room.receive(other.message(CAROL, "late"))


def before(zoe: Client, room: JoinedRoom, token: str) -> list[str]:
    """The texts of history from a place backwards, as far as it is here."""
    builder = room.builder
    assert isinstance(builder, SignedRoom)
    peers = FakePeers(builder)
    peers.silent = True
    with use_peers(peers):
        page = zoe.get(f"/rooms/{quote(room.identity.room_id)}/messages?dir=b&limit=4&from={token}").body
    return texts({"timeline": page["chunk"]})


def test_history_before_a_timeline_that_begins_with_a_late_event_has_all_that_came_before(
    zoe: Client, room: JoinedRoom
) -> None:
    receive_late(room)
    body = sync(zoe, filter='{"room":{"timeline":{"limit":1}}}')
    assert bodies(body, room.identity.room_id) == ["late"]
    start = body["rooms"]["join"][room.identity.room_id]["timeline"]["prev_batch"]
    assert [text for text in before(zoe, room, start) if text != "late"] == ["three", "two", "one"]


def test_history_before_a_sliding_timeline_has_all_that_came_before(zoe: Client, room: JoinedRoom) -> None:
    receive_late(room)
    shown = Follower(zoe, lists={"all": room_list()}).sync()["rooms"][room.identity.room_id]
    found = before(zoe, room, shown["prev_batch"])
    assert [text for text in found if text != "late"] == ["three", "two", "one"]


def test_the_members_at_a_position_are_those_of_all_branches_that_had_come(
    zoe: Client, room: JoinedRoom
) -> None:
    dora = "@dora:d.example"
    other = room.builder.fork()
    room.receive(other.join(dora))
    for body in ("one", "two"):
        room.receive(room.builder.message(BOB, body))
    since = sync(zoe)["next_batch"]
    room.receive(room.builder.leave(CAROL))
    path = f"/rooms/{quote(room.identity.room_id)}/members?membership=join&at={since}"
    members = {event["state_key"] for event in zoe.get(path).body["chunk"]}
    assert {dora, CAROL} <= members


def test_history_before_a_timeline_that_came_over_a_gap_has_what_the_gap_hides(
    zoe: Client, room: JoinedRoom
) -> None:
    builder = room.builder
    assert isinstance(builder, SignedRoom)
    with use_peers(FakePeers(builder)):
        assert fetch_older(room.identity, 100)
    skipped = [builder.message(BOB, body) for body in ("one", "two")]
    present = PlannedState(rooms.state_nid(room.identity.nid), {})
    last = fresh(builder.message(BOB, "three"))
    store_received(room.identity, last, beyond={skipped[-1].event_id: present})
    timeline = sync(zoe, filter='{"room":{"timeline":{"limit":1}}}')["rooms"]["join"][room.identity.room_id][
        "timeline"
    ]
    assert texts({"timeline": timeline["events"]}) == ["three"]
    path = f"/rooms/{quote(room.identity.room_id)}/messages?dir=b&limit=20&from={timeline['prev_batch']}"
    with use_peers(FakePeers(builder)):
        page = zoe.get(path).body
    assert texts({"timeline": page["chunk"]})[:2] == ["two", "one"]
