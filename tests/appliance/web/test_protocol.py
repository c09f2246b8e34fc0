"""Answers: as few segments as there can be, and none kept back. Requests: those first that have no time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from appliance.web.protocol import HearthProtocol, JoiningTransport


class RecordingTransport(asyncio.Transport):
    """Remembers what was sent in one go, and that it was closed."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1)})
        self.sent: list[Any] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.sent.append(b"|".join(bytes(data) for data in list_of_data))

    def close(self) -> None:
        self.sent.append("closed")


def made() -> tuple[RecordingTransport, JoiningTransport]:
    inner = RecordingTransport()
    return inner, JoiningTransport(inner, asyncio.get_running_loop())


async def test_the_head_of_an_answer_goes_with_its_body() -> None:
    inner, transport = made()
    transport.write(b"head")
    assert inner.sent == []
    transport.write(b"body")
    assert inner.sent == [b"head|body"]
    await asyncio.sleep(0)
    assert inner.sent == [b"head|body"]


async def test_a_head_without_a_body_goes_at_the_end_of_the_turn() -> None:
    inner, transport = made()
    transport.write(b"head")
    await asyncio.sleep(0)
    assert inner.sent == [b"head"]


async def test_every_piece_of_a_stream_goes_out_in_order_and_none_stays() -> None:
    inner, transport = made()
    for piece in (b"head", b"1", b"2", b"", b"3", b"4"):
        transport.write(piece)
    await asyncio.sleep(0)
    assert inner.sent == [b"head|1", b"2|", b"3|4"]


async def test_closing_sends_first_what_is_held() -> None:
    inner, transport = made()
    transport.write(b"head")
    transport.close()
    await asyncio.sleep(0)
    assert inner.sent == [b"head", "closed"]


async def test_everything_else_is_the_transports_own() -> None:
    _, transport = made()
    assert transport.get_extra_info("peername") == ("127.0.0.1", 1)


def connected(asked: list[str]) -> tuple[RecordingTransport, HearthProtocol]:
    """A connection to an application that notes the paths of requests."""

    async def application(scope: Any, _receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    config = Config(application, ws="none", lifespan="off", log_config=None)
    transport = RecordingTransport()
    protocol = HearthProtocol(config, ServerState(), {}, asyncio.get_running_loop())
    protocol.connection_made(transport)
    return transport, protocol


def request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


async def some_turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_requests_that_may_wait_begin_after_those_that_came_with_them() -> None:
    asked: list[str] = []
    paths = ("/_matrix/client/v3/sync", "/_matrix/client/v3/events", "/_matrix/client/v3/account/whoami")
    for path in paths:
        connected(asked)[1].data_received(request(path))
    await some_turns()
    assert asked == [paths[2], paths[0], paths[1]]


async def test_a_connection_that_the_client_has_closed_ends_in_its_turn() -> None:
    transport, protocol = connected([])
    assert protocol.eof_received()
    assert transport.sent == []
    await some_turns()
    assert transport.sent == ["closed"]
