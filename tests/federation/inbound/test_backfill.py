"""History from before this server was in a room."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from matrix_app.federation.inbound.backfill import fetch_older
from matrix_app.federation.inbound.peers import use_peers
from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import event_id_of
from matrix_app.protocol.signing import sign_event
from matrix_app.storage import events, extremities
from matrix_app.storage.events import Status
from tests.factories.client import Answer, Client, ClientFactory
from tests.factories.events import ALICE, BOB, RoomBuilder
from tests.factories.fake_peers import FakePeers, SignedRoom, key_of
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


@pytest.mark.parametrize("first", ["the redaction", "what it redacts"])
@pytest.mark.parametrize(("then", "since"), [(50, 0), (0, 50)])
def test_a_redaction_in_history_takes_effect_by_the_power_of_its_sender_then(
    then: int, since: int, first: str
) -> None:
    room, _ = _room(0)
    room.set_power_levels({"users": {ALICE: 100, BOB: then}})
    message = room.message(ALICE)
    for number in range(100 if first == "the redaction" else 3):
        room.message(ALICE, str(number))
    redaction = room.send("m.room.redaction", BOB, {}, redacts=message.event_id)
    room.set_power_levels({"users": {ALICE: 100, BOB: since}})
    here = JoinedRoom(room)
    with use_peers(FakePeers(room)):
        while fetch_older(here.identity, EVERYTHING):
            pass
    is_applied = then >= 50
    assert row_of(message).redacted_by_nid == (row_of(redaction).nid if is_applied else None)
    assert row_of(redaction).status == (Status.NORMAL if is_applied else Status.SOFT_FAILED)


def test_history_may_have_events_from_before_their_predecessors_were_limited() -> None:
    room, _ = _room(1)
    start = room.heads
    forks = []
    for number in range(25):
        room.heads = start
        forks.append(room.message(ALICE, f"fork {number}"))
    room.heads = forks
    drawn = RoomBuilder.make(room, "m.room.message", ALICE, {"body": "all of them"})
    pdu = sign_event(drawn.pdu, room.rules, "a.example", key_of("a.example"))
    merge = Event(pdu, event_id_of(pdu, room.rules), room.rules)
    room.apply(merge)
    here = JoinedRoom(room)
    with use_peers(FakePeers(room)):
        assert fetch_older(here.identity, EVERYTHING)
    assert len(merge.prev_event_ids) == 25
    assert row_of(merge).is_outlier is False


def test_a_redaction_in_history_is_hidden_until_what_it_redacts_is_fetched() -> None:
    room, sent = _room(1)
    redaction = room.send("m.room.redaction", ALICE, {}, redacts=sent[0])
    for number in range(99):
        room.message(BOB, str(number))
    here = JoinedRoom(room, only_state=True)
    with use_peers(FakePeers(room)):
        assert fetch_older(here.identity, EVERYTHING)
        assert events.row_by_id(sent[0]) is None
        assert row_of(redaction).status == Status.SOFT_FAILED
        assert fetch_older(here.identity, EVERYTHING)
    assert row_of(redaction).status == Status.NORMAL
    assert row_of(sent[0]).redacted_by_nid == row_of(redaction).nid


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


class LongAgo:
    """A room with messages from before its reader came, sent at 1000, 2000 and so on."""

    def __init__(self, clients: ClientFactory) -> None:
        room = SignedRoom.opened("12")
        assert isinstance(room, SignedRoom)
        self.room = room
        self.sent = [
            self.room.send("m.room.message", ALICE, {"n": number}, origin_server_ts=number * 1000).event_id
            for number in range(1, 200)
        ]
        self.reader = clients.make()
        JoinedRoom(self.room, self.reader.user_id)
        self.peers = FakePeers(self.room)

    def at(self, ts: int, direction: str) -> Answer:
        path = f"/_matrix/client/v1/rooms/{self.room.room_id}/timestamp_to_event"
        with use_peers(self.peers):
            return self.reader.get(f"{path}?ts={ts}&dir={direction}")


@pytest.fixture
def long_ago(clients: ClientFactory) -> LongAgo:
    return LongAgo(clients)


def test_the_event_of_a_time_before_the_join_is_fetched_with_what_comes_before_it(long_ago: LongAgo) -> None:
    answer = long_ago.at(149_500, "b")
    assert (answer.status, answer.body["event_id"]) == (200, long_ago.sent[148])
    assert row_of(long_ago.sent[148]).is_outlier is False
    assert row_of(long_ago.sent[100]).is_outlier is False
    assert row_of(long_ago.sent[160]).is_outlier
    around = long_ago.reader.get(f"/rooms/{long_ago.room.room_id}/context/{long_ago.sent[148]}?limit=4")
    assert around.status == 200


def test_nobody_is_asked_where_the_event_is_here_already(long_ago: LongAgo) -> None:
    assert long_ago.at(149_500, "b").body["event_id"] == long_ago.sent[148]
    asked = len(long_ago.peers.asked)
    assert long_ago.at(149_000, "f").body["event_id"] == long_ago.sent[148]
    assert long_ago.peers.asked[asked:] == []


def test_an_event_on_the_wrong_side_of_the_time_is_not_taken(long_ago: LongAgo) -> None:
    long_ago.peers.closest = {"event_id": long_ago.sent[5], "origin_server_ts": 6000}
    answer = long_ago.at(5000, "b")
    assert answer.status == 404
    assert row_of(long_ago.sent[5]).is_outlier


class FetchedThread(NamedTuple):
    """A thread of 120 messages, which came in pieces."""

    room_id: str
    root: str
    said: list[str]
    relation: dict[str, Any]


def fetched_thread(reader: Client) -> FetchedThread:
    """The thread, in a room that the reader has joined since."""
    room = SignedRoom.opened("10")
    assert isinstance(room, SignedRoom)
    root = room.message(ALICE, "root").event_id
    relation = {"m.relates_to": {"rel_type": "m.thread", "event_id": root}}
    said = [room.send("m.room.message", ALICE, {"body": str(n), **relation}).event_id for n in range(120)]
    here = JoinedRoom(room, reader.user_id, only_state=True)
    with use_peers(FakePeers(room)):
        while fetch_older(here.identity, EVERYTHING):
            pass
    return FetchedThread(str(room.room_id), root, said, relation)


def test_what_was_fetched_in_pieces_relates_in_the_order_of_history(clients: ClientFactory) -> None:
    reader = clients.make()
    room_id, root, said, _ = fetched_thread(reader)
    path = f"/_matrix/client/v1/rooms/{room_id}/relations/{root}?limit=100"
    page = reader.get(path).body
    rest = reader.get(f"{path}&from={page['next_batch']}").body
    found = [event["event_id"] for event in (*page["chunk"], *rest["chunk"])]
    assert found == said[::-1]
    forwards = reader.get(f"{path}&dir=f&to={page['next_batch']}").body["chunk"]
    assert [event["event_id"] for event in forwards] == said[:20]


def test_a_thread_that_was_fetched_is_summed_up_with_its_root(clients: ClientFactory) -> None:
    reader = clients.make()
    room_id, root, said, relation = fetched_thread(reader)
    path = f"/rooms/{room_id}/event/{root}"
    thread = reader.get(path).body["unsigned"]["m.relations"]["m.thread"]
    assert (thread["count"], thread["latest_event"]["event_id"]) == (120, said[-1])
    assert thread["current_user_participated"] is False
    answer = {"msgtype": "m.text", "body": "mine", **relation}
    mine = reader.put(f"/rooms/{room_id}/send/m.room.message/mine", answer).body["event_id"]
    thread = reader.get(path).body["unsigned"]["m.relations"]["m.thread"]
    assert (thread["count"], thread["latest_event"]["event_id"]) == (121, mine)
    assert thread["current_user_participated"] is True
    reply = reader.get(f"/rooms/{room_id}/event/{said[0]}").body
    assert "m.relations" not in reply["unsigned"]
