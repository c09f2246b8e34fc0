"""uvicorn as a worker of gunicorn, with what Hearth needs of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from gunicorn.arbiter import Arbiter
from uvicorn.config import Config
from uvicorn.server import Server
from uvicorn_worker import UvicornWorker

from appliance.web.protocol import HearthProtocol
from appliance.web.stopping import announce_stopping

if TYPE_CHECKING:
    import socket
    from types import FrameType

NOTIFY_SECONDS = 1.0
# So long a server that stops answers on connections that are kept, each time with "Connection: close", before
# it closes those that nobody used: a proxy cannot tell one that is just being closed from one that is idle.
LINGER_SECONDS = 0.3
_LOOK_SECONDS = 0.02


class HearthServer(Server):
    """Tells when it serves and when it stops, and sleeps while nothing happens."""

    def __init__(self, config: Config, *, ready_fd: int | None) -> None:
        super().__init__(config)
        self._ready_fd = ready_fd
        self._exit_asked = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts serving, and says so on the pipe of whoever started this process."""
        await super().startup(sockets)
        if self._ready_fd is not None:
            os.write(self._ready_fd, b"+")

    async def main_loop(self) -> None:
        """Renews the Date header and tells gunicorn that it is alive, once a second."""
        while not self.should_exit:
            date = formatdate(time.time(), usegmt=True).encode()
            self.server_state.default_headers = [(b"date", date), *self.config.encoded_headers]
            if self.config.callback_notify is not None:
                await self.config.callback_notify()
            try:
                await asyncio.wait_for(self._exit_asked.wait(), NOTIFY_SECONDS)
            except TimeoutError:
                continue

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal asked this process to stop."""
        super().handle_exit(sig, frame)
        self._loop.call_soon_threadsafe(self._exit_asked.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Lets those who wait for news go, then waits for the requests under way."""
        self._keep_no_connection()
        announce_stopping()
        until = self._loop.time() + LINGER_SECONDS
        while self.server_state.connections and self._loop.time() < until:  # noqa: ASYNC110  # tells nobody
            await asyncio.sleep(_LOOK_SECONDS)
        await super().shutdown(sockets)

    def _keep_no_connection(self) -> None:
        """From now on each answer is the last one on its connection, and there are no new connections."""
        for server in self.servers:
            server.close()
        state = self.server_state
        state.default_headers = [*state.default_headers, (b"connection", b"close")]
        for connection in list(state.connections):
            cycle = getattr(connection, "cycle", None)
            if cycle is not None and not cycle.response_complete:
                connection.shutdown()  # of one that is under way: says so in its answer


class HearthWorker(UvicornWorker):  # type: ignore[misc]  # it has no types
    """The class that gunicorn starts web processes with."""

    CONFIG_KWARGS: dict[str, Any] = {
        "loop": "uvloop",
        "http": HearthProtocol,
        "ws": "none",
        "lifespan": "auto",
        # The application reads the proxy's headers itself: the rules are the same under every server.
        "proxy_headers": False,
        "server_header": False,
        "access_log": False,
    }
    ready_fd: int | None = None

    async def _serve(self) -> None:
        self.config.app = self.wsgi
        self.config.limit_concurrency = None
        self.config.timeout_graceful_shutdown = max(1, self.cfg.graceful_timeout - 1)
        server = HearthServer(self.config, ready_fd=self.ready_fd)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGQUIT, server.handle_exit, signal.SIGQUIT, None)
        await server.serve(sockets=self.sockets)
        if not server.started:
            sys.exit(Arbiter.WORKER_BOOT_ERROR)
