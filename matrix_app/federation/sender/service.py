"""The sender as a part of the worker process: started with it, ended with it, and only in one process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

import structlog
from django.db import connections

from appliance.config import get_config
from matrix_app.federation import loop
from matrix_app.federation.sender.leadership import Leadership, leadership
from matrix_app.federation.sender.sender import Client, Sender
from matrix_app.storage import stream
from matrix_app.sync import wakeups

RETRY_SECONDS: Final = 2.0
STOP_SECONDS: Final = 10.0

_log = structlog.get_logger("matrix_app.federation.sender")


class SenderService:
    """Runs a sender for as long as this process is the one that sends."""

    def __init__(self, client: Client, lead: Leadership) -> None:
        self._client = client
        self._leadership = lead
        self._sender: Sender | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="federation-sender", daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End; how far everything has come is noted before this returns."""
        self._ended.set()
        self._thread.join(STOP_SECONDS + RETRY_SECONDS)

    def wake(self) -> None:
        """The stream has moved."""
        if (sender := self._sender) is not None:
            loop.loop_thread().loop.call_soon_threadsafe(sender.wake)

    def _run(self) -> None:
        while not self._ended.is_set():
            if self._leadership.acquire():
                self._send()
                self._leadership.release()
            self._ended.wait(RETRY_SECONDS)
        connections.close_all()

    def _send(self) -> None:
        self._sender = Sender(self._client)
        sending = loop.submit(self._sender.run())
        ended = threading.Event()
        sending.add_done_callback(lambda _: ended.set())
        while not (self._ended.is_set() or ended.is_set()) and self._leadership.holds():
            self._ended.wait(RETRY_SECONDS)
        loop.loop_thread().loop.call_soon_threadsafe(self._sender.end)
        self._sender = None
        _finish(sending)


def _finish(sending: Future[None]) -> None:
    try:
        fault = sending.exception(STOP_SECONDS)
    except TimeoutError:
        sending.cancel()
        return
    if fault is not None:
        _log.error("the sender failed and is started again", exc_info=fault)


class _LazyClient:
    """The federation client, which is big, imported when there is something to send."""

    async def request(
        self, destination: str, method: str, path: str, *, content: dict[str, object], timeout: float
    ) -> object:
        from matrix_app.federation.client import federation_client

        return await federation_client().request(destination, method, path, content=content, timeout=timeout)


def start() -> Callable[[], None]:
    """Send from this process, unless another does; what is returned ends it."""
    if not get_config().federation.enabled:
        return lambda: None
    service = SenderService(_LazyClient(), leadership())
    forget = stream.on_advance(lambda _: service.wake())
    wakeups.listen(service.wake)
    service.start()

    def stop() -> None:
        forget()
        service.stop()

    return stop
