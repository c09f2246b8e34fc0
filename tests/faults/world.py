"""A server under test, peers around it, and a conversation that nothing must disturb."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.faults.database import Database
from tests.faults.peer import VERSION, Home, Joined, Peer
from tests.faults.weights import Weight, weigh
from tests.federation.certificates import Authority
from tests.interop.people import Person, Refused, register
from tests.real_server import RealServer, real_server
from tests.toml_text import Tables

# Servers that hang are given up soon, and left alone for no longer than a test takes.
SETTINGS: Tables = {
    "federation": {
        "allow_servers": [],
        "allow_private_addresses": True,
        "verify_certificates": False,
        "trusted_key_servers": [],
        "request_timeout_seconds": 5,
        "connect_timeout_seconds": 5,
    }
}
PATIENCE = 40.0


class World:
    """One server, and as many peers as a test wants."""

    def __init__(self, server: RealServer, folder: Path, database: Database) -> None:
        self.server = server
        self.database = database
        self.home = Home(server.base.removeprefix("http://"), server.base)
        self.server_context = Authority(folder).server_context("127.0.0.1")
        self._peers: list[Peer] = []
        self.alice = register(server.base, "alice")
        self.lightest = self.weigh()
        self.talk = Talk(self, self.peer())

    def peer(self) -> Peer:
        """A new peer."""
        peer = Peer(self.home, self.server_context)
        self._peers.append(peer)
        return peer

    def close(self) -> None:
        """End all peers."""
        self.talk.end()
        for peer in self._peers:
            peer.close()

    def room_with(self, *peers: Peer) -> tuple[str, list[Joined]]:
        """A new room of alice that the peers have joined."""
        room_id = self.alice.create_room(VERSION)
        return room_id, [peer.join(room_id) for peer in peers]

    def say(self, room_id: str, text: str) -> str:
        """The ID of a message of alice, which is sent until the server acknowledges it."""
        txn_id, content = secrets.token_hex(8), {"msgtype": "m.text", "body": text}
        path = ("rooms", room_id, "send", "m.room.message", txn_id)
        answer = surely(lambda: self.alice.put(*path, body=content))
        return str(answer["event_id"])

    def weigh(self) -> Weight:
        """What the processes of the server hold."""
        return weigh(self.server.pid)

    @contextmanager
    def bounded(self, mib: float = 150.0, descriptors: int = 120) -> Iterator[None]:
        """Fails when the processes come to hold so much more than just after the start."""
        ended, seen = threading.Event(), [self.weigh()]

        def look() -> None:
            while not ended.wait(0.2):
                seen.append(self.weigh())

        looking = threading.Thread(target=look)
        looking.start()
        try:
            yield
        finally:
            ended.set()
            looking.join()
        most = Weight(max(weight.mib for weight in seen), max(weight.descriptors for weight in seen))
        assert most.mib < self.lightest.mib + mib, (self.lightest, most)
        assert most.descriptors < self.lightest.descriptors + descriptors, (self.lightest, most)

    def restart(self, how: str) -> None:
        """End the server, by SIGTERM or by SIGKILL for every process, and start it again."""
        with self.talk.paused():
            if how == "SIGTERM":
                self.server.stop()
            else:
                self.server.crash()
            self.server.start()

    def pass_time(self, seconds: float) -> None:
        """Let time pass for all that the server put off, by moving what it noted into the past."""
        self.database.pass_time(int(seconds * 1000))


class Talk:
    """Alice and an honest peer, who speak all the time; how long each message took."""

    def __init__(self, world: World, peer: Peer) -> None:
        self._world, self._peer = world, peer
        self.bob = register(world.server.base, "bob")
        self.room_id = self.bob.create_room(VERSION)
        self._joined = peer.join(self.room_id)
        self.seconds: list[float] = []
        self._may_speak = threading.Lock()
        self._is_ended = False
        self._thread = ThreadPoolExecutor(1)
        self._speaking = self._thread.submit(self._run)

    def _run(self) -> None:
        while not self._is_ended:
            with self._may_speak:
                self.seconds.append(self._hear())
                self.seconds.append(self._say())
            time.sleep(0.05)

    def _hear(self) -> float:
        began = time.monotonic()
        event = self._peer.message(self._joined, "to here")
        status, answer = self._peer.send(event)
        assert status == 200, answer
        self.bob.hears(self.room_id, event.event_id)
        return time.monotonic() - began

    def _say(self) -> float:
        began = time.monotonic()
        event_id = self.bob.say(self.room_id, "from here")
        wait_until(lambda: event_id in self._peer.accepted)
        self._joined.last = self._peer.events[event_id]
        return time.monotonic() - began

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Be silent while the server is away."""
        with self._may_speak:
            yield

    @contextmanager
    def undisturbed(self) -> Iterator[None]:
        """Fails when messages take longer meanwhile than they may."""
        with self._may_speak:
            self.seconds.clear()
        yield
        wait_until(lambda: len(self.seconds) >= 6 or self._speaking.done())
        if self._speaking.done():
            self._speaking.result()
        taken = sorted(self.seconds)
        assert taken[len(taken) // 2] < 0.5, taken
        assert taken[-1] < 4.0, taken

    def end(self) -> None:
        """Speak no more."""
        self._is_ended = True
        self._thread.shutdown()


def wait_until(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Return once the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not come about in {seconds} s"
        time.sleep(0.01)


def surely(request: Callable[[], Any]) -> Any:
    """The answer to a request that is made again until the server is there."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return request()
        except (Refused, OSError) as error:
            refused = isinstance(error, Refused) and error.status < 500
            if refused or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@contextmanager
def world(folder: Path, engine: str) -> Iterator[World]:
    """A server that runs, with an honest peer and a conversation."""
    with real_server(folder, engine, SETTINGS) as server:
        here = World(server, folder, Database(server.database_url))
        try:
            yield here
        finally:
            here.close()


def heard_in(person: Person, room_id: str) -> list[str]:
    """The IDs of a room's events from first to last, as its history has them."""
    found = person.history(
        room_id, lambda events: events[-1:] != [] and events[-1]["type"] == "m.room.create"
    )
    return [event["event_id"] for event in reversed(found)]
