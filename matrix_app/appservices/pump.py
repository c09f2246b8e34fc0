"""The pump of application services: each is sent its transactions in order, one at a time.

One process at a time runs it. A service that is down holds up nobody else, and gets everything when it is
back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog
from django.db import DatabaseError

from matrix_app.appservices.bridge import Bridge, HttpBridge
from matrix_app.appservices.line import Line
from matrix_app.federation.led import start_led
from matrix_app.federation.loop import in_thread
from matrix_app.protocol.errors import BadGateway
from matrix_app.services.appservices import appservices

# A burst of changes goes into one transaction.
PAUSE_SECONDS: Final = 0.03
TICK_SECONDS: Final = 1.0
# Services can be added and removed while the server runs.
LOOK_SECONDS: Final = 5.0

_log = structlog.get_logger("matrix_app.appservices")


class AppservicePump:
    """Sends until told to end."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._news = asyncio.Event()
        self._is_ended = False
        self._lines: dict[str, Line] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._next_look = 0.0
        self.is_ready = False

    @property
    def is_busy(self) -> bool:
        """Whether a service is being sent something."""
        return bool(self._tasks)

    def wake(self) -> None:
        """The stream has moved; to be called on the loop."""
        self._news.set()

    def end(self) -> None:
        """Let `run` come to its end; to be called on the loop."""
        self._is_ended = True
        self._news.set()

    async def run(self) -> None:
        """Send until told to end. A transaction under way then is sent again next time, as it is."""
        try:
            while not self._is_ended:
                self._news.clear()
                if time.monotonic() >= self._next_look:
                    self._next_look = time.monotonic() + LOOK_SECONDS
                    await self._look()
                self._start_all()
                self.is_ready = True
                await asyncio.sleep(0 if self._is_ended else PAUSE_SECONDS)
                await self._wait()
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _wait(self) -> None:
        if self._is_ended:
            return
        try:
            await asyncio.wait_for(self._news.wait(), TICK_SECONDS)
        except TimeoutError:
            return  # time to come back to those who failed

    async def _look(self) -> None:
        """Which services there are: those that want to be sent nothing have no address."""
        found = {service.id: service for service in await in_thread(appservices) if service.url}
        for service_id in self._lines.keys() - found.keys():
            del self._lines[service_id]
        for service_id, service in found.items():
            line = self._lines.get(service_id)
            if line is None or line.service != service:
                self._lines[service_id] = Line(service)

    def _start_all(self) -> None:
        for service_id, line in self._lines.items():
            if service_id not in self._tasks:
                self._tasks[service_id] = asyncio.get_running_loop().create_task(self._serve(line))

    async def _serve(self, line: Line) -> None:
        """Send a service what there is for it, as long as it takes it."""
        try:
            while not self._is_ended and (found := await in_thread(line.next_transaction)):
                try:
                    answer = await self._bridge.send(line.service, found.txn_id, found.body)
                except BadGateway as error:
                    await in_thread(line.failed, error.message)
                    return
                if not answer.is_ok:
                    fault = f"The service answered {answer.status}"
                    await in_thread(line.failed, fault, answer.wait_seconds)
                    return
                await in_thread(line.delivered)
        except Exception as error:  # noqa: BLE001  (the boundary of the line: logged, shown, and tried again)
            _log.exception("cannot find what a service is to be sent", service=line.service.id)
            await self._broke(line, error)
        finally:
            del self._tasks[line.service.id]

    async def _broke(self, line: Line, error: Exception) -> None:
        try:
            await in_thread(line.failed, f"A fault in this server, see its log: {type(error).__name__}")
        except DatabaseError:
            await asyncio.sleep(TICK_SECONDS)  # it is away: nothing can be noted


def start() -> Callable[[], None]:
    """Send from this process, unless another does; what is returned ends it."""
    return start_led("appservices", lambda: AppservicePump(HttpBridge()), devices=True)
