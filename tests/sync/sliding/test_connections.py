"""Connections of sliding sync: what they remember, and for how long."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.protocol.errors import InvalidParam, UnknownPos
from matrix_app.storage import db
from matrix_app.storage.cache import clear_all
from matrix_app.sync import memo
from matrix_app.sync.hub import hub
from matrix_app.sync.sliding import connection, room_list
from matrix_app.sync.wait import Wait
from tests.factories.client import ClientFactory
from tests.factories.sliding import Follower, begin_sliding, sliding, texts
from tests.factories.sliding import room_list as a_list
from tests.factories.statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)


def _restart() -> None:
    """Everything that is kept in memory is gone."""
    clear_all()
    memo.clear()
    room_list.clear()
    hub.cache_clear()


def _versions() -> int:
    return int(db.value("SELECT count(*) FROM sliding_version"))


def test_a_position_stays_good_when_the_server_starts_anew(clients: ClientFactory) -> None:
    alice = clients.make()
    rooms = [alice.create_room() for _ in range(3)]
    follower = Follower(alice, lists={"all": a_list(end=1)})
    follower.sync()
    _restart()
    alice.send(rooms[2], "while it was down")
    answer = follower.sync()
    assert set(answer["rooms"]) == {rooms[2]}
    assert texts(answer["rooms"][rooms[2]]) == ["while it was down"]
    assert "initial" not in answer["rooms"][rooms[2]]
    assert set(follower.sync(lists={"all": a_list(end=2)})["rooms"]) == {rooms[0]}


def test_the_same_position_gives_the_same_rooms_again(clients: ClientFactory) -> None:
    alice = clients.make()
    rooms = [alice.create_room() for _ in range(3)]
    pos = sliding(alice, lists={"all": a_list(end=0)})["pos"]
    alice.send(rooms[0], "hello")
    answers = [sliding(alice, pos, lists={"all": a_list(end=1)}) for _ in range(8)]
    assert all(set(answer["rooms"]) == {rooms[0]} for answer in answers)
    assert all(texts(answer["rooms"][rooms[0]]) == ["hello"] for answer in answers)
    assert _versions() <= 6
    # Whichever of them arrived, it goes on from there.
    assert sliding(alice, answers[-2]["pos"], lists={"all": a_list(end=1)})["rooms"] == {}


def test_rooms_that_the_client_has_cost_no_write(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    follower = Follower(alice, lists={"all": a_list()})
    follower.sync()
    before = _versions()
    for number in range(5):
        alice.send(room_id, str(number))
        with recorded() as statements:
            assert texts(follower.sync()["rooms"][room_id]) == [str(number)]
        assert {sql.split()[0] for sql, _ in statements} <= {"SELECT", "WITH"}
    assert _versions() == before


def test_an_idle_sync_asks_nothing_but_who_it_is(clients: ClientFactory) -> None:
    alice = clients.make()
    alice.create_room()
    on = {"enabled": True}
    extensions = {"e2ee": on, "to_device": on, "account_data": on, "receipts": on, "typing": on}
    follower = Follower(alice, lists={"all": a_list()}, extensions=extensions)
    follower.sync()
    follower.sync()
    with recorded() as statements:
        answer = follower.sync()
    assert answer["rooms"] == {}
    assert answer["lists"] == {"all": {"count": 1}}
    # Reading the log and the token.
    assert [sql for sql, _ in statements if "stream_log" not in sql and "access_token" not in sql] == []


def test_positions_of_others_and_of_nobody_are_unknown(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    pos = sliding(alice)["pos"]
    for client, position, conn_id in ((bob, pos, ""), (alice, pos, "other"), (alice, "s1_2", "")):
        with pytest.raises(UnknownPos):
            sliding(client, position, conn_id=conn_id)


def test_beginning_anew_ends_the_connection_of_the_same_name(clients: ClientFactory) -> None:
    alice = clients.make()
    follower = Follower(alice, "main", lists={"all": a_list()})
    follower.sync()
    other = Follower(alice, "other")
    other.sync()
    Follower(alice, "main").sync()
    _restart()
    with pytest.raises(UnknownPos):
        follower.sync()
    other.sync()


def test_a_device_has_a_bounded_number_of_connections(clients: ClientFactory) -> None:
    alice = clients.make()
    alice.create_room()
    first = Follower(alice, "first", lists={"all": a_list()})
    first.sync()
    for number in range(connection.MOST_CONNECTIONS):
        Follower(alice, str(number), lists={"all": a_list()}).sync()
    assert db.value("SELECT count(*) FROM sliding_connection") == connection.MOST_CONNECTIONS
    assert _versions() == connection.MOST_CONNECTIONS
    _restart()
    with pytest.raises(UnknownPos):
        first.sync()


def test_what_is_stored_of_a_connection_is_bounded(clients: ClientFactory) -> None:
    alice = clients.make()
    rooms = [alice.create_room() for _ in range(4)]
    follower = Follower(alice, lists={"all": a_list(end=0)})
    follower.sync()
    for number in range(3 * connection.LONGEST_CHAIN):
        alice.send(rooms[number % 4], str(number))
        follower.sync()
        assert _versions() <= 2 * connection.LONGEST_CHAIN + 6
    _restart()
    alice.send(rooms[0], "last")
    assert texts(follower.sync()["rooms"][rooms[0]]) == ["last"]


def test_connections_end_with_their_device(clients: ClientFactory) -> None:
    alice = clients.make()
    alice.create_room()
    Follower(alice, lists={"all": a_list()}).sync()
    alice.post("/logout")
    assert _versions() == 0
    assert db.value("SELECT count(*) FROM sliding_connection") == 0


def test_a_sync_without_news_waits(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    follower = Follower(alice, lists={"all": a_list()})
    follower.sync()
    outcome = begin_sliding(alice, follower.pos, 10_000, **follower.body)
    assert isinstance(outcome, Wait)
    assert outcome.is_idle()
    alice.send(room_id, "news")
    hub().catch_up()
    assert not outcome.is_idle()
    assert b"news" in outcome.resume(False)


def test_a_wait_ends_when_the_user_joins_a_room_without_a_query_on_the_event_loop(
    clients: ClientFactory,
) -> None:
    alice = clients.make()
    follower = Follower(alice, lists={"all": a_list()})
    follower.sync()
    outcome = begin_sliding(alice, follower.pos, 10_000, **follower.body)
    assert isinstance(outcome, Wait)
    alice.create_room()
    hub().catch_up()
    with recorded() as statements:
        assert not outcome.is_idle()
    assert statements == []


def test_a_first_sync_does_not_wait(clients: ClientFactory) -> None:
    alice = clients.make()
    assert not isinstance(begin_sliding(alice, None, 10_000), Wait)


@pytest.mark.parametrize(
    "body",
    [{"lists": {str(n): a_list() for n in range(101)}}, {"lists": {"a": {**a_list(), "ranges": [[2, 1]]}}}],
)
def test_requests_beyond_the_bounds_are_refused(clients: ClientFactory, body: dict[str, Any]) -> None:
    with pytest.raises(InvalidParam):
        sliding(clients.make(), **body)
