"""A sender whose transactions arrive at servers that exist in the test alone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from matrix_app.federation.sender.sender import Sender
from matrix_app.protocol.errors import MatrixError, RemoteUnreachable
from matrix_app.storage import db
from matrix_app.storage.destinations import UNKNOWN, Health
from tests.factories.running_pump import RunningPump


class OtherServers:
    """What arrived at each server, and which of them fail."""

    def __init__(self) -> None:
        self.transactions: list[tuple[str, str, dict[str, Any]]] = []
        self.faults: dict[str, MatrixError] = {}
        # What breaks in this server on the way to them.
        self.broken: dict[str, Exception] = {}
        self.asked: list[str] = []
        # Servers take what they are sent, and nobody learns of it.
        self.accept_and_hang = False
        self.accept_and_fail: MatrixError | None = None

    def check(self, destination: str) -> Health:
        """Nobody is left alone: `faults` says who does not answer."""
        return UNKNOWN

    async def request(
        self,
        destination: str,
        method: str,
        path: str,
        *,
        content: dict[str, Any],
        timeout: float,
        health: Health,
    ) -> Any:
        """A request, as the federation client would make it."""
        assert method == "PUT"
        self.asked.append(destination)
        if destination in self.broken:
            raise self.broken[destination]
        if destination in self.faults:
            raise self.faults[destination]
        self.transactions.append((destination, path, content))
        if self.accept_and_hang:
            await asyncio.Event().wait()
        if self.accept_and_fail is not None:
            raise self.accept_and_fail
        return {"pdus": {}}

    def pdus(self, server: str) -> list[dict[str, Any]]:
        """The events that a server got, in order."""
        return [pdu for name, _, content in self.transactions if name == server for pdu in content["pdus"]]

    def bodies(self, server: str) -> list[Any]:
        """The texts of the messages that it got."""
        return [pdu["content"].get("body") for pdu in self.pdus(server) if pdu["type"] == "m.room.message"]

    def edus(self, server: str, edu_type: str) -> list[dict[str, Any]]:
        """The contents of its EDUs of a type."""
        return [
            edu["content"]
            for name, _, content in self.transactions
            if name == server
            for edu in content["edus"]
            if edu["edu_type"] == edu_type
        ]


def pass_time() -> None:
    """All that was put off is due."""
    # One after the other: the sender holds rows of both, and must not wait for this while this waits for it.
    for sql in (
        "UPDATE unrouted_change SET retry_ts = 0",
        "UPDATE destination SET retry_at_ts = 0, refused_until_ts = 0",
    ):
        with db.write():
            db.execute(sql)


def has_all(others: OtherServers, server: str, wanted: Iterable[str]) -> bool:
    """Whether a server has got all of these texts, for which all that was put off is due now."""
    pass_time()
    return set(wanted) <= set(others.bodies(server))


def silence() -> RemoteUnreachable:
    """What the federation client says of a server that does not answer, once that is noted."""
    error = RemoteUnreachable("no answer")
    error.is_left_alone = True
    return error


@contextmanager
def sending(others: OtherServers) -> Iterator[RunningPump[Sender]]:
    """A sender that runs as long as the block does."""
    running = RunningPump(Sender(others))
    wait_until(lambda: running.pump.is_ready)
    try:
        yield running
    finally:
        running.stop()


def wait_until(condition: Callable[[], Any], seconds: float = 10.0) -> None:
    """Return once the condition holds; fail when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)
