"""What runs in the loop beside the stream, for as long as a test needs it."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Generic, Protocol, TypeVar

from matrix_app.federation import loop
from matrix_app.storage import stream


class Pump(Protocol):
    """The sender of federation, and the pumps of pushes and of application services."""

    def run(self) -> Coroutine[Any, Any, None]:
        """Work until told to end."""
        ...

    def wake(self) -> None:
        """The stream has moved."""
        ...

    def end(self) -> None:
        """Stop soon."""
        ...


P = TypeVar("P", bound=Pump)


class RunningPump(Generic[P]):
    """A pump at work."""

    def __init__(self, pump: P) -> None:
        self.pump = pump
        self.running = loop.submit(pump.run())
        self._forget = stream.on_advance(lambda _: self.wake())

    def wake(self) -> None:
        """The stream has moved."""
        loop.loop_thread().loop.call_soon_threadsafe(self.pump.wake)

    def stop(self) -> None:
        """End it; what it notes at the end is noted."""
        self._forget()
        loop.loop_thread().loop.call_soon_threadsafe(self.pump.end)
        self.running.result(10)
        loop.stop()
