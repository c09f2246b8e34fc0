"""What uploads, downloads and checks have in common: steps of some seconds, told about and paced."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import orjson

from appliance.backup import layout
from appliance.backup.remote.store import TICK_SECONDS, RemoteStore, open_store
from appliance.config import get_config

State = dict[str, Any]
# Called with what is being done, how much of it is done, and of how much; raises to end the work.
Tell = Callable[[str, int, int | None], None]
STEP_SECONDS: Final = 20.0


class Work:
    """A step at work: where things are elsewhere, and how far it is."""

    def __init__(self, state: State, tell: Tell) -> None:
        self.state = state
        self._tell = tell
        self._until = time.monotonic() + STEP_SECONDS
        self.store: RemoteStore = open_store(self.tick)

    @property
    def is_over(self) -> bool:
        """Whether the step has had its time."""
        return time.monotonic() > self._until

    def tick(self) -> None:
        """Tell how far it is; raises to end the work."""
        self._tell(str(self.state["phase"]), self.state.get("done", 0), self.state.get("total"))

    def went(self, size: int) -> None:
        """Note that so many bytes are where they belong."""
        self.state["done"] = self.state.get("done", 0) + size
        self.tick()

    def rest(self, size: int, began: float) -> None:
        """Wait after bytes were sent, so that on average no more is sent than is wanted."""
        rate = get_config().backup.remote_kib_per_second * 1024
        until = began + size / rate if rate else 0.0
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, TICK_SECONDS))
            self.tick()


@contextmanager
def working(state: State, tell: Tell) -> Iterator[Work]:
    """One step, while nobody else moves backups there or back."""
    root = get_config().backup.dir
    with layout.locked(root, ".remote.lock", "Another backup is on its way just now"):
        work = Work(state, tell)
        with work.store:
            yield work


def put_list(file: Path, rows: Iterable[tuple[Any, ...]]) -> int:
    """Write what is to be done, a row a line; how many."""
    count = 0
    with file.open("wb") as stream:
        for row in rows:
            stream.write(orjson.dumps(tuple(row)) + b"\n")
            count += 1
        stream.flush()
        os.fsync(stream.fileno())
    return count


def rows_left(file: Path, work: Work) -> Iterator[list[Any]]:
    """What is still to be done of a list, until the step is over. `state["at"]` tells where it goes on."""
    with file.open("rb") as stream:
        stream.seek(work.state.setdefault("at", 0))
        while not work.is_over and (line := stream.readline()):
            yield orjson.loads(line)
            work.state["at"] = stream.tell()


def is_done(file: Path, state: State) -> bool:
    """Whether nothing of a list is left."""
    return bool(state.get("at", 0) >= file.stat().st_size)
