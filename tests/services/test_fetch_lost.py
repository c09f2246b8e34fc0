"""After a restore other servers are asked for what rooms have lost."""

from __future__ import annotations

import orjson
import pytest

from matrix_app.federation.inbound import asking
from matrix_app.federation.inbound.latest import fetch_latest
from matrix_app.federation.inbound.peers import use_peers
from matrix_app.services.after_restore import after_restore
from matrix_app.services.audit import CLI
from matrix_app.services.fetch_lost import KIND, MOST_ROUNDS
from matrix_app.services.long_tasks import begin_waiting, resume_all
from matrix_app.storage import db
from tests.factories.client import ClientFactory
from tests.factories.events import ALICE, BOB
from tests.factories.fake_peers import FakePeers, SignedRoom
from tests.factories.remote_rooms import ZOE, JoinedRoom, row_of
from tests.factories.syncing import sync, timeline
from tests.factories.tasks import run_tasks

pytestmark = pytest.mark.django_db(transaction=True)


def opened(joiner: str = ZOE) -> tuple[SignedRoom, JoinedRoom]:
    room = SignedRoom.opened("10")
    assert isinstance(room, SignedRoom)
    room.join(BOB)
    return room, JoinedRoom(room, joiner)


def test_what_came_in_lost_time_comes_back_without_anybody_saying_anything(clients: ClientFactory) -> None:
    zoe = clients.make()
    room, here = opened(zoe.user_id)
    since = sync(zoe)["next_batch"]
    topic = room.send("m.room.topic", ALICE, {"topic": "lost"}, state_key="")
    lost = [topic, room.message(BOB, "one"), room.message(zoe.user_id, "mine")]
    with use_peers(FakePeers(room)):
        after_restore(CLI, "backup", 1)
        assert run_tasks() == [], "the server does not run yet"
        begin_waiting()
        assert run_tasks() == ["run_long_task"]
        asking.fill_all()
    assert [row_of(event.event_id).is_outlier for event in lost] == [False] * len(lost)
    assert here.extremities() == {lost[-1].event_id}
    told = [event["event_id"] for event in timeline(sync(zoe, since), str(room.room_id))]
    assert told == [event.event_id for event in lost]
    result = db.value("SELECT result FROM long_task WHERE kind = %s", (KIND,))
    assert orjson.loads(bytes(result)) == {"behind": 1, "unanswered": 0}


def test_a_room_that_lacks_nothing_costs_one_question() -> None:
    room, here = opened()
    peers = FakePeers(room)
    with use_peers(peers):
        assert fetch_latest(here.identity) is False
    assert peers.asked == ["timestamp_to_event"]


def test_servers_that_do_not_answer_are_counted() -> None:
    room, here = opened()
    peers = FakePeers(room)
    peers.silent = True
    with use_peers(peers):
        assert fetch_latest(here.identity) is None


def test_another_event_than_was_named_is_not_taken() -> None:
    room, here = opened()
    named, other = room.message(ALICE, "named"), room.message(ALICE, "other")
    peers = FakePeers(room)
    peers.closest = {"event_id": named.event_id, "origin_server_ts": named.pdu["origin_server_ts"]}
    peers.known[named.event_id] = other
    with use_peers(peers):
        assert fetch_latest(here.identity) is None


def test_a_room_in_which_nobody_answers_is_asked_about_again_later(clients: ClientFactory) -> None:
    zoe = clients.make()
    room, here = opened(zoe.user_id)
    lost = room.message(BOB, "lost")
    peers = FakePeers(room)
    peers.silent = True
    with use_peers(peers):
        after_restore(CLI, "backup", 1)
        begin_waiting()
        run_tasks()
        peers.silent = False
        resume_all()
        assert run_tasks() == [], "it is too early"
        db.execute("UPDATE long_task SET created_ts = created_ts - 1000000")
        resume_all()
        assert run_tasks() == ["run_long_task"]
        asking.fill_all()
    assert here.extremities() == {lost.event_id}
    results = db.rows("SELECT result FROM long_task WHERE kind = %s ORDER BY nid", (KIND,))
    assert [orjson.loads(bytes(row[0])) for row in results] == [
        {"behind": 0, "unanswered": 1},
        {"behind": 1, "unanswered": 0},
    ]


def test_rooms_of_servers_that_stay_silent_are_given_up_in_the_end(clients: ClientFactory) -> None:
    room, _ = opened(clients.make().user_id)
    peers = FakePeers(room)
    peers.silent = True
    with use_peers(peers):
        after_restore(CLI, "backup", 1)
        for _ in range(MOST_ROUNDS + 3):
            begin_waiting()
            run_tasks()
    assert db.value("SELECT count(*) FROM long_task WHERE kind = %s", (KIND,)) == MOST_ROUNDS
