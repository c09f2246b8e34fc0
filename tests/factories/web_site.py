"""A web site on a loopback address, within the process of the test, that may be as hostile as it likes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Answering = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class WebSite:
    """Answers each path as it was told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.pages: dict[str, Answering] = {}
        self.asked: list[str] = []
        self.agents: list[str] = []
        self.port = 0

    def say(self, path: str, body: bytes | str, content_type: str = "text/html", status: int = 200) -> None:
        """Answer with this; the type may have parameters."""

        async def answering(_request: web.BaseRequest) -> web.StreamResponse:
            content = body.encode() if isinstance(body, str) else body
            return web.Response(status=status, body=content, headers={"Content-Type": content_type})

        self.pages[path] = answering

    def redirect(self, path: str, location: str, status: int = 302) -> None:
        """Send those who ask elsewhere."""

        async def answering(_request: web.BaseRequest) -> web.StreamResponse:
            return web.Response(status=status, headers={"Location": location})

        self.pages[path] = answering

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request.path)
        self.agents.append(request.headers.get("User-Agent", ""))
        page = self.pages.get(request.path)
        return web.Response(status=404) if page is None else await page(request)

    @asynccontextmanager
    async def running(self, host: str) -> AsyncIterator[WebSite]:
        """Listens on a free port meanwhile."""
        runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, host, 0)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()
