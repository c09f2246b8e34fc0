"""History from before this server was in a room."""

from __future__ import annotations

import pytest

from matrix_app.federation.inbound.backfill import fetch_older
from matrix_app.federation.inbound.peers import use_peers
from matrix_app.storage import events, extremities
from tests.factories.client import ClientFactory
from tests.factories.events import ALICE, BOB
from tests.factories.fake_peers import FakePeers, SignedRoom
from tests.factories.remote_rooms import JoinedRoom, row_of

pytestmark = pytest.mark.django_db(transaction=True)

EVERYTHING = 1 << 50


def _room(messages: int, version: str = "10") -> tuple[SignedRoom, list[str]]:
    room = SignedRoom.opened(version)
    assert isinstance(room, SignedRoom)
    room.join(BOB)
    return room, [room.message(ALICE, str(number)).event_id for number in range(messages)]


@pytest.mark.parametrize("version", ["1", "10", "12"])
def test_history_is_fetched_to_the_beginning_of_the_room(version: str) -> None:
    room, sent = _room(5, version)
    here = JoinedRoom(room)
    with use_peers(FakePeers(room)):
        assert fetch_older(here.identity, EVERYTHING)
        assert not fetch_older(here.identity, EVERYTHING)
    rows = events.history(here.identity.nid, limit=100, backwards=False)
    assert [row.event_id for row in rows] == [event.event_id for event in room.events]
    assert [row.position for row in rows[:-1]] == [None] * (len(rows) - 1)
    assert not extremities.gap_between(here.identity.nid, 0, EVERYTHING)
    assert row_of(sent[0]).state_nid is not None


def test_a_long_history_comes_in_pieces() -> None:
    room, sent = _room(150)
    here = JoinedRoom(room)
    with use_peers(FakePeers(room)):
        assert fetch_older(here.identity, EVERYTHING)
        assert row_of(sent[0]).is_outlier
        assert extremities.gap_between(here.identity.nid, 0, EVERYTHING)
        assert fetch_older(here.identity, EVERYTHING)
    assert row_of(sent[0]).is_outlier is False
    assert row_of(sent[149]).depth > row_of(sent[0]).depth


def test_a_server_that_has_nothing_is_no_error() -> None:
    room, _ = _room(2)
    here = JoinedRoom(room)
    peers = FakePeers(room)
    peers.silent = True
    with use_peers(peers):
        assert not fetch_older(here.identity, EVERYTHING)


def test_who_reads_back_to_where_history_is_missing_gets_it(clients: ClientFactory) -> None:
    room, sent = _room(3)
    reader = clients.make()
    JoinedRoom(room, reader.user_id)
    with use_peers(FakePeers(room)):
        answer = reader.get(f"/rooms/{room.room_id}/messages?dir=b&limit=3")
    assert [event["event_id"] for event in answer.body["chunk"]][1:] == sent[:0:-1]
