"""What runs beside the tasks of the worker, in one process at a time: it reads the stream and acts on it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from typing import Final, Protocol

import structlog
from django.db import connections

from matrix_app.federation import loop
from matrix_app.federation.leadership import Leadership, leadership
from matrix_app.storage import stream
from matrix_app.storage.stream import LogEntry
from matrix_app.sync import wakeups

RETRY_SECONDS: Final = 2.0
STOP_SECONDS: Final = 10.0

_log = structlog.get_logger("matrix_app.federation.led")


class Runner(Protocol):
    """What is run, on the loop of `matrix_app.federation.loop`."""

    async def run(self) -> None:
        """Work until told to end, and note how far it has come."""
        ...

    def wake(self) -> None:
        """The stream has moved; called on the loop."""
        ...

    def end(self) -> None:
        """Let `run` come to its end; called on the loop."""
        ...


class Led:
    """Runs a runner for as long as this process is the one that may."""

    def __init__(self, name: str, make: Callable[[], Runner], lead: Leadership) -> None:
        self._name = name
        self._make = make
        self._leadership = lead
        self._runner: Runner | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End; how far everything has come is noted before this returns."""
        self._ended.set()
        self._thread.join(STOP_SECONDS + RETRY_SECONDS)

    def wake(self) -> None:
        """The stream has moved."""
        if (runner := self._runner) is not None:
            loop.loop_thread().loop.call_soon_threadsafe(runner.wake)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                if self._leadership.acquire():
                    self._lead()
                    self._leadership.release()
            except Exception:  # noqa: BLE001  (the boundary of the thread: logged, and tried again)
                _log.exception("it cannot be run, and is tried again", name=self._name)
                self._runner = None
                self._leadership.release()
            self._ended.wait(RETRY_SECONDS)
        connections.close_all()

    def _lead(self) -> None:
        self._runner = runner = self._make()
        running = loop.submit(runner.run())
        ended = threading.Event()
        running.add_done_callback(lambda _: ended.set())
        while not (self._ended.is_set() or ended.is_set()) and self._leadership.holds():
            self._ended.wait(RETRY_SECONDS)
        loop.loop_thread().loop.call_soon_threadsafe(runner.end)
        self._runner = None
        self._finish(running)

    def _finish(self, running: Future[None]) -> None:
        """Wait for its end: what it notes last must not come after what the next one notes."""
        try:
            while not wait([running], STOP_SECONDS).done:
                _log.error("it does not end", name=self._name)
                if self._ended.is_set():
                    running.cancel()
                    return
            fault = running.exception()
        except CancelledError:
            return  # the loop has ended
        if fault is not None:
            _log.error("it failed and is started again", name=self._name, exc_info=fault)


def start_led(name: str, make: Callable[[], Runner], *, devices: bool = False) -> Callable[[], None]:
    """Run it in this process, unless another does; what is returned ends it.

    `devices`: it wants to know at once of what is for devices alone; others read that with the next change.
    """
    led = Led(name, make, leadership(name))

    def moved(entries: list[LogEntry]) -> None:
        if devices or wakeups.topic_of(entries) == wakeups.STREAM:
            led.wake()

    forget = stream.on_advance(moved)
    wakeups.listen(led.wake)
    if devices:
        wakeups.listen(led.wake, wakeups.DEVICES)
    led.start()

    def stop() -> None:
        forget()
        led.stop()

    return stop
