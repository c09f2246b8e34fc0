"""Joins beside the tasks of a worker: begun, waited for, interrupted, cancelled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from matrix_app.federation.inbound.peers import use_peers
from matrix_app.federation.leadership import leadership
from matrix_app.federation.outbound import join_service
from matrix_app.federation.outbound.join_service import JoinService
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import long_tasks, remote_joins
from matrix_app.services.audit import HEARTH
from matrix_app.storage import db
from matrix_app.storage import long_tasks as stored_tasks
from tests.factories.big_rooms import BigRoomPeers
from tests.factories.client import Client, ClientFactory

SECONDS = 20.0


@pytest.fixture
def client(clients: ClientFactory) -> Client:
    return clients.make()


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[BigRoomPeers]:
    made = BigRoomPeers(tmp_path, members=20, state=40)
    with use_peers(made):
        yield made


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[JoinService]:
    monkeypatch.setattr(join_service, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(join_service, "IDLE_LOOK_SECONDS", 0.2)
    made = JoinService(leadership("joins"))
    made.start()
    yield made
    made.stop()


def _request(client: Client, room_id: str, server: str) -> int:
    return remote_joins.request(client.requester, room_id, [server], {"membership": "join"}, was_here=False)


def _until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


class _Hanging:
    """A server that answers when it is let."""

    def __init__(self, peers: BigRoomPeers) -> None:
        self.asked, self.let = threading.Event(), threading.Event()
        peers.before_answer = self.wait

    def wait(self) -> None:
        self.asked.set()
        assert self.let.wait(SECONDS)


def test_a_join_is_done_while_the_client_waits(
    client: Client, peers: BigRoomPeers, service: JoinService
) -> None:
    nid = _request(client, peers.room_id, "s0.example")
    service.wake()
    remote_joins.wait(nid, SECONDS)
    assert client.get("/joined_rooms").body["joined_rooms"] == [peers.room_id]


@pytest.mark.parametrize("fault", [OperationalError("database is locked"), OSError("no more files")])
def test_joins_go_on_after_a_look_for_them_has_failed(
    client: Client,
    peers: BigRoomPeers,
    service: JoinService,
    monkeypatch: pytest.MonkeyPatch,
    fault: Exception,
) -> None:
    real, faults = stored_tasks.unfinished, [fault] * 2

    def unfinished(*wanted: Any) -> Any:
        if threading.current_thread().name == "joins" and faults:
            raise faults.pop()
        return real(*wanted)

    monkeypatch.setattr(stored_tasks, "unfinished", unfinished)
    service.wake()
    _until(lambda: not faults)
    nid = _request(client, peers.room_id, "s0.example")
    service.wake()
    remote_joins.wait(nid, SECONDS)
    assert client.get("/joined_rooms").body["joined_rooms"] == [peers.room_id]


def test_who_waits_is_told_of_the_end(
    client: Client, peers: BigRoomPeers, service: JoinService, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody looks again in time.
    monkeypatch.setattr(remote_joins, "_LAST_LOOK", 2 * SECONDS)
    monkeypatch.setattr(remote_joins, "_FIRST_LOOK", 2 * SECONDS)
    server = _Hanging(peers)
    nid = _request(client, peers.room_id, "s0.example")
    service.wake()
    assert server.asked.wait(SECONDS)
    threading.Timer(0.05, server.let.set).start()
    began = time.monotonic()
    remote_joins.wait(nid, SECONDS)
    assert time.monotonic() - began < SECONDS


def test_a_join_goes_on_when_the_client_waits_no_longer(
    client: Client, peers: BigRoomPeers, service: JoinService
) -> None:
    server = _Hanging(peers)
    nid = _request(client, peers.room_id, "s0.example")
    service.wake()
    with pytest.raises(remote_joins.StillJoiningError):
        remote_joins.wait(nid, 0.05)
    assert server.asked.wait(SECONDS)
    server.let.set()
    remote_joins.wait(nid, SECONDS)


def test_what_a_join_fails_with_is_what_the_client_is_told(
    client: Client, peers: BigRoomPeers, service: JoinService
) -> None:
    peers.cut = {"s0.example": 5000}
    nid = _request(client, peers.room_id, "s0.example")
    service.wake()
    with pytest.raises(MatrixError, match="ends before its end") as told:
        remote_joins.wait(nid, SECONDS)
    assert told.value.status == 502


def test_an_administrator_cancels_a_join(client: Client, peers: BigRoomPeers, service: JoinService) -> None:
    server = _Hanging(peers)
    nid = _request(client, peers.room_id, "s0.example")
    service.wake()
    assert server.asked.wait(SECONDS)
    long_tasks.cancel(nid, HEARTH)
    _until(lambda: service._running[nid][0].is_cancelled)
    server.let.set()
    with pytest.raises(MatrixError, match="cancelled"):
        remote_joins.wait(nid, SECONDS)


def test_who_leaves_while_the_room_is_being_joined_does_not_join(
    client: Client, peers: BigRoomPeers, service: JoinService
) -> None:
    server = _Hanging(peers)
    nid = _request(client, peers.room_id, "s0.example")
    service.wake()
    assert server.asked.wait(SECONDS)
    threading.Timer(0.3, server.let.set).start()
    assert client.change(peers.room_id, "leave").status == 200
    with pytest.raises(MatrixError, match="cancelled"):
        remote_joins.is_over(nid)
    assert client.get("/joined_rooms").body["joined_rooms"] == []


def test_a_join_that_is_cancelled_before_it_begins_asks_nobody(
    client: Client, peers: BigRoomPeers, service: JoinService
) -> None:
    nid = _request(client, peers.room_id, "s0.example")
    with db.write():
        stored_tasks.ask_to_cancel(nid)
    service.wake()
    with pytest.raises(MatrixError, match="cancelled"):
        remote_joins.wait(nid, SECONDS)
    assert peers.questions == []


def test_the_next_service_goes_on_with_what_the_last_one_was_at(
    client: Client, peers: BigRoomPeers, service: JoinService
) -> None:
    server = _Hanging(peers)
    nid = _request(client, peers.room_id, "s0.example")
    service.wake()
    assert server.asked.wait(SECONDS)
    threading.Timer(0.2, server.let.set).start()
    service.stop()
    assert not stored_tasks.find(nid).is_finished  # type: ignore[union-attr]
    after = JoinService(leadership("joins"))
    after.start()
    try:
        remote_joins.wait(nid, SECONDS)
    finally:
        after.stop()
    assert [pdu["state_key"] for pdu in peers.handed_in] == [client.user_id] * 2
    assert peers.handed_in[0] == peers.handed_in[1]


def test_a_second_service_stands_by(client: Client, peers: BigRoomPeers, service: JoinService) -> None:
    _until(lambda: service.is_leading)
    other = JoinService(leadership("joins"))
    other.start()
    nid = _request(client, peers.room_id, "s0.example")
    other.wake()
    service.wake()
    remote_joins.wait(nid, SECONDS)
    assert other._running == {}
    other.stop()
