"""Asking other servers for what is missing: the port, and the way over the network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple, Protocol

from matrix_app.federation import loop
from matrix_app.federation.growing_file import Sink
from matrix_app.protocol.errors import MatrixError
from matrix_app.protocol.events import Event
from matrix_app.storage.destinations import Health

TIMEOUT: Final = 20.0
# Of an answer that is read in memory, where it may take twenty times as much: a few dozen events.
MOST_BYTES: Final = 4 << 20
# Of an answer that is written to a file: the state of a very big room.
MOST_BYTES_IN_FILE: Final = 1 << 30
# Requests to one server at a time.
_AT_ONCE: Final = 4


class Question(NamedTuple):
    """A request to another server."""

    method: str
    path: str
    query: Mapping[str, str] | Sequence[tuple[str, str]] | None = None
    content: dict[str, Any] | None = None
    timeout: float = TIMEOUT
    # How long the other server may be silent, where that is longer than usual.
    silence: float | None = None
    # Of the answer, where that is not as usual.
    max_bytes: int | None = None


Check = Callable[[], None]


def nothing() -> None:
    """Nothing ends the request."""


# What is wrong with the signatures of each of some events, once it is asked for.
Faults = Callable[[], list[MatrixError | None]]


class Peers(Protocol):
    """Other servers, as what is received from them needs them."""

    def ask(self, server: str, question: Question) -> Any:
        """The answer as decoded JSON; raises a `MatrixError` when there is none."""
        ...

    def download(self, server: str, question: Question, into: Sink, check: Check = nothing) -> None:
        """Write the answer to a file as it arrives.

        `check` is called every second or so; it may raise, which ends the request. Raises a `MatrixError`
        when there is no answer, or no whole one.
        """
        ...

    def ask_all(self, server: str, questions: Sequence[Question]) -> list[Any]:
        """The answers to several questions; a `MatrixError` in the place of each that has none."""
        ...

    def faults(self, events: Sequence[Event]) -> list[MatrixError | None]:
        """For each event None, or what is wrong with its signatures."""
        ...

    def learn_keys(self, keys: Mapping[tuple[str, str], int], seconds: float, check: Check = nothing) -> None:
        """Fetch keys, by server and key ID, that were valid at a time; those that come in time are kept.

        `check` is called every second or so, and may raise.
        """
        ...

    def known_faults(self, events: Sequence[Event]) -> list[MatrixError | None]:
        """The same without asking anybody; `KeysUnknown` where that does not do."""
        ...

    def begin_known_faults(self, events: Sequence[Event]) -> Faults:
        """The same for who has more to do meanwhile, and calls what is returned then."""
        ...


class RemotePeers:
    """Other servers on the network."""

    def ask(self, server: str, question: Question) -> Any:
        """See `Peers`."""
        return loop.run(_ask(server, question, _health(server)), question.timeout * 2)

    def download(self, server: str, question: Question, into: Sink, check: Check = nothing) -> None:
        """See `Peers`."""
        loop.run(_download(server, question, into, _health(server)), question.timeout * 2, check)

    def ask_all(self, server: str, questions: Sequence[Question]) -> list[Any]:
        """See `Peers`."""
        return loop.run(_ask_all(server, questions), TIMEOUT * 4)

    def faults(self, events: Sequence[Event]) -> list[MatrixError | None]:
        """See `Peers`."""
        from matrix_app.federation.keys import event_faults

        return event_faults(events, TIMEOUT * 4)

    def learn_keys(self, keys: Mapping[tuple[str, str], int], seconds: float, check: Check = nothing) -> None:
        """See `Peers`."""
        from matrix_app.federation.key_ring import Need, recall_stored
        from matrix_app.federation.keys import learn_keys

        needs = [Need(server, key_id, valid_at) for (server, key_id), valid_at in keys.items()]
        if len(recall_stored(needs)) < len(needs):
            loop.run(learn_keys(needs, seconds), seconds + TIMEOUT, check)

    def known_faults(self, events: Sequence[Event]) -> list[MatrixError | None]:
        """See `Peers`."""
        from matrix_app.federation.keys import known_event_faults

        return known_event_faults(events)

    def begin_known_faults(self, events: Sequence[Event]) -> Faults:
        """See `Peers`."""
        from matrix_app.federation.keys import begin_known_event_faults

        return begin_known_event_faults(events)


def _health(server: str) -> Health:
    from matrix_app.federation.client import federation_client

    return federation_client().check(server)


async def _ask(server: str, question: Question, health: Health | None = None) -> Any:
    from matrix_app.federation.client import federation_client

    return await federation_client().request(
        server,
        question.method,
        question.path,
        query=question.query,
        content=question.content,
        timeout=question.timeout,
        max_bytes=question.max_bytes or MOST_BYTES,
        health=health,
    )


async def _download(server: str, question: Question, into: Sink, health: Health) -> None:
    from matrix_app.federation.client import federation_client

    await federation_client().download(
        server,
        question.method,
        question.path,
        into=into,
        query=question.query,
        content=question.content,
        timeout=question.timeout,
        silence=question.silence,
        max_bytes=question.max_bytes or MOST_BYTES_IN_FILE,
        health=health,
    )


async def _ask_all(server: str, questions: Sequence[Question]) -> list[Any]:
    gate = asyncio.Semaphore(_AT_ONCE)

    async def answer(question: Question) -> Any:
        async with gate:
            try:
                return await _ask(server, question)
            except MatrixError as error:
                return error

    return await asyncio.gather(*(answer(question) for question in questions))


class _Present:
    peers: Peers = RemotePeers()


def peers() -> Peers:
    """The servers to ask."""
    return _Present.peers


@contextmanager
def use_peers(other: Peers) -> Iterator[None]:
    """Ask others in place of the network: for tests."""
    before, _Present.peers = _Present.peers, other
    try:
        yield
    finally:
        _Present.peers = before
