"""What servers send again, too often, or just before this one dies."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from tests.factories.servers import RemoteServer
from tests.faults.faults import hang
from tests.faults.peer import Peer
from tests.faults.world import World, heard_in

pytestmark = pytest.mark.slow

STRANGERS = 90


def test_transactions_that_come_again_change_nothing(world: World) -> None:
    peer = world.peer()
    room_id, [joined] = world.room_with(peer)
    sent = [peer.message(joined, str(number)) for number in range(10)]
    answers = [peer.send(*sent, txn_id="same") for _ in range(3)]
    world.restart("SIGKILL")
    answers.append(peer.send(*sent, txn_id="same"))
    assert answers == [(200, {"pdus": {event.event_id: {} for event in sent}})] * 4
    with ThreadPoolExecutor(8) as many:
        list(many.map(lambda _: peer.send(*sent), range(16)))
    last = peer.message(joined, "last")
    peer.send(last)
    world.alice.hears(room_id, last.event_id)
    assert heard_in(world.alice, room_id)[-11:] == [event.event_id for event in [*sent, last]]


def test_what_was_acknowledged_right_before_the_end_is_shown_after_it(world: World) -> None:
    peer = world.peer()
    room_id, [joined] = world.room_with(peer)
    sent = []
    for _ in range(2):
        batch = [peer.message(joined, "before the end") for _ in range(50)]
        with world.talk.paused():
            assert peer.send(*batch)[0] == 200
            world.server.crash()
            world.server.start()
        sent += batch
    world.alice.hears(room_id, sent[-1].event_id)
    assert heard_in(world.alice, room_id)[-100:] == [event.event_id for event in sent]


def test_a_message_to_a_device_that_comes_again_arrives_once(world: World) -> None:
    peer = world.peer()
    world.room_with(peer)
    note = {
        "sender": peer.user_id,
        "type": "org.example.note",
        "message_id": "1",
        "messages": {world.alice.user_id: {world.alice.device_id: {"body": "once"}}},
    }
    edu = {"edu_type": "m.direct_to_device", "content": note}
    for how in ("SIGTERM", "SIGKILL"):
        assert peer.send(edus=[edu])[0] == 200
        world.restart(how)
    assert peer.send(edus=[edu])[0] == 200
    notes = world.alice.until(lambda notes: notes.messages)
    world.alice.sync()
    assert [found["content"] for found in notes] == [{"body": "once"}]


@contextmanager
def silent_hosts(count: int) -> Iterator[list[str]]:
    """Names of servers that accept connections and never say a word."""
    with ExitStack() as stack:
        names = []
        for number in range(count):
            listener = stack.enter_context(socket.socket())
            listener.bind((f"127.0.1.{number + 1}", 0))
            listener.listen()
            names.append("{}:{}".format(*listener.getsockname()))
        yield names


def test_strangers_whose_keys_cannot_be_had_hold_nobody_up(world: World) -> None:
    def knock(name: str) -> int:
        stranger = _Stranger(name, world)
        return stranger.ask("GET", "/_matrix/federation/v1/query/profile?user_id=@a:b")[0]

    with (
        silent_hosts(STRANGERS) as names,
        ThreadPoolExecutor(STRANGERS) as many,
        world.bounded(descriptors=3 * STRANGERS),
        world.talk.undisturbed(),
    ):
        answers = list(many.map(knock, names))
    assert set(answers) == {401, 429}
    assert world.peer().ask("GET", "/_matrix/federation/v1/version")[0] == 200


class _Stranger(Peer):
    """A server that signs requests, and whose keys nobody is given."""

    def __init__(self, name: str, world: World) -> None:
        RemoteServer.__init__(self, name)
        self.home = world.home


def test_a_server_that_has_too_much_waiting_is_told_to_wait(world: World) -> None:
    peer = world.peer()
    _, [joined] = world.room_with(peer)
    peer.answers["get_missing_events"] = hang
    statuses = set()
    with world.bounded(), world.talk.undisturbed():
        for _ in range(110):
            peer.message(joined, "missing")
            gaps = [peer.message(joined, "behind a gap") for _ in range(50)]
            statuses.add(peer.send(*gaps)[0])
            if 429 in statuses:
                break
    assert statuses == {200, 429}
    peer.recover()
    world.database.run("DELETE FROM staged_pdu")
