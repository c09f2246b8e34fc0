"""How a web process stops: nobody who sent a request is left without an answer."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn.config import Config

from appliance.web import stopping
from appliance.web.worker import HearthServer

REQUEST = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(autouse=True)
def _this_process_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping._State, "callbacks", [])
    monkeypatch.setattr(stopping._State, "stopping", False)


class Application:
    """Answers 200, as soon as it may."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        self.asked.set()
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


class Serving:
    """A server that serves on a socket of its own."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.listener = socket.create_server(("127.0.0.1", 0))
        config = Config(application, http="httptools", ws="none", lifespan="off", log_config=None)
        config.load()
        self.server = HearthServer(config, ready_fd=None)
        self.server.lifespan = config.lifespan_class(config)

    async def connect(self) -> Streams:
        """A connection to the server."""
        return await asyncio.open_connection(*self.listener.getsockname())

    async def stop(self) -> None:
        """What the server does when it is told to stop."""
        await self.server.shutdown([self.listener])


@asynccontextmanager
async def serving() -> AsyncIterator[Serving]:
    made = Serving(Application())
    await made.server.startup([made.listener])
    try:
        yield made
    finally:
        made.application.may_answer.set()
        made.listener.close()


async def answer(streams: Streams) -> bytes:
    """The head of the next answer, in small letters."""
    return (await streams[0].readuntil(b"\r\n\r\n")).lower()


async def test_a_request_on_a_kept_connection_is_answered_while_the_server_stops() -> None:
    async with serving() as made:
        made.application.may_answer.set()
        kept = await made.connect()
        kept[1].write(REQUEST)
        assert b"connection: close" not in await answer(kept)
        ending = asyncio.create_task(made.stop())
        await asyncio.sleep(0)
        kept[1].write(REQUEST)
        head = await answer(kept)
        assert head.startswith(b"http/1.1 200")
        assert b"connection: close" in head
        assert await kept[0].read() == b""
        await ending


async def test_a_request_that_is_under_way_is_answered_and_ends_its_connection() -> None:
    async with serving() as made:
        asking = await made.connect()
        asking[1].write(REQUEST)
        await made.application.asked.wait()
        ending = asyncio.create_task(made.stop())
        await asyncio.sleep(0)
        made.application.may_answer.set()
        assert b"connection: close" in await answer(asking)
        await ending


async def test_connections_that_nobody_uses_are_closed_in_the_end() -> None:
    async with serving() as made:
        made.application.may_answer.set()
        idle = await made.connect()
        idle[1].write(REQUEST)
        await answer(idle)
        await made.stop()
        assert await idle[0].read() == b""
