"""A real HTTPS server on a loopback port, within the process of the test."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiohttp import web

Answering = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Seen(NamedTuple):
    """A request as the server saw it."""

    connection: tuple[str, int]  # the client's end, different for each connection
    sni: str | None
    host: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class HttpsServer:
    """Answers every request by `answering`, and remembers what it saw."""

    def __init__(self, context: ssl.SSLContext, answering: Answering) -> None:
        self._context = context
        self._answering = answering
        self._names: dict[Any, str | None] = {}
        self.seen: list[Seen] = []
        self.at_once = 0
        self.most_at_once = 0
        self.port = 0
        context.sni_callback = self._named

    def _named(self, tls: ssl.SSLObject, name: str | None, _context: ssl.SSLContext) -> None:
        self._names[tls] = name

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        self.seen.append(
            Seen(
                connection=request.transport.get_extra_info("peername")[:2],
                sni=self._names.get(request.transport.get_extra_info("ssl_object")),
                host=request.headers["Host"],
                method=request.method,
                target=request.raw_path,
                headers=dict(request.headers),
                body=await request.read(),
            )
        )
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answering(request)
        finally:
            self.at_once -= 1

    @asynccontextmanager
    async def running(self, host: str = "127.0.0.1") -> AsyncIterator[HttpsServer]:
        """Listens on a free port meanwhile."""
        runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, host, 0, ssl_context=self._context)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()


async def say_hello(_request: web.BaseRequest) -> web.StreamResponse:
    """An empty-handed answer."""
    return web.json_response({"hello": "world"})


def say(status: int, **options: Any) -> Answering:
    """Always the same answer."""

    async def answering(_request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, **options)

    return answering


def say_after(seconds: float) -> Answering:
    """An answer that takes its time."""

    async def answering(_request: web.BaseRequest) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.json_response({})

    return answering
