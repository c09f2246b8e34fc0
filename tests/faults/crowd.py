"""Very many servers, which are one listener with very many names."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp import web

from matrix_app.protocol.server_keys import publish
from matrix_app.protocol.signing import SigningKey
from tests.factories.servers import HOUR, RemoteServer, now_ms
from tests.faults.peer import Home, Peer
from tests.real_server import free_port

_A_SUBNET: Final = 250


class Member(Peer):
    """One of the names, which joins rooms."""

    def __init__(self, home: Home, name: str, key: SigningKey) -> None:
        RemoteServer.__init__(self, name, key)
        self.home = home
        self.user_id = f"@user:{name}"
        self.events = {}


class Crowd:
    """Servers on addresses of their own; when each of them got its first event, by name."""

    def __init__(self, home: Home, context: ssl.SSLContext, count: int) -> None:
        self.port = free_port()
        self.key = SigningKey.generate()
        self._context = context
        hosts = [f"127.1.{n // _A_SUBNET}.{n % _A_SUBNET + 1}" for n in range(count)]
        self.members = [Member(home, f"{host}:{self.port}", self.key) for host in hosts]
        self.arrived: dict[str, float] = {}
        self.most_connections = 0
        self.last_request = 0.0
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(self._listen(hosts), self._loop).result(60)

    async def _listen(self, hosts: list[str]) -> None:
        self._runner = web.ServerRunner(web.Server(self._handle), shutdown_timeout=0.1)
        await self._runner.setup()
        for host in hosts:
            await web.TCPSite(self._runner, host, self.port, ssl_context=self._context).start()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        name = request.headers["Host"]
        self.last_request = time.monotonic()
        assert self._runner.server is not None
        self.most_connections = max(self.most_connections, len(self._runner.server.connections))
        if request.path.startswith("/_matrix/key"):
            return web.json_response(publish(name, self.key, (), now_ms() + HOUR))
        if b'"m.room.message"' in await request.read():
            self.arrived.setdefault(name, time.monotonic())
        return web.json_response({"pdus": {}})

    def join(self, room_id: str) -> None:
        """Let a user of each server join a room."""
        with ThreadPoolExecutor(4) as many:
            list(many.map(lambda member: member.join(room_id), self.members))

    def settle(self) -> None:
        """Return when nothing has come for a second."""
        while time.monotonic() - self.last_request < 1.0:
            time.sleep(0.05)

    def close(self) -> None:
        """Listen no more."""
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
