"""What a visit takes: time, with and without waiting until a processor is free, and processor time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from matrix_app.storage import db

_OF_THREAD: Final = Path("/proc/thread-self/schedstat")


class Spent(NamedTuple):
    """Seconds: from the beginning to the end; of the processor; and waiting until one was free.

    The two last are those of this process, and of PostgreSQL's that serves it.
    """

    seconds: float
    cpu_seconds: float
    waited_seconds: float

    @property
    def own_seconds(self) -> float:
        """What it takes where nothing else is at work, waiting for disks included."""
        return max(self.cpu_seconds, self.seconds - self.waited_seconds)


class Stopwatch:
    """Measures work of this thread and its connection."""

    def __init__(self) -> None:
        self._served_by = None if db.is_sqlite() else _of_backend(int(db.value("SELECT pg_backend_pid()")))

    @contextmanager
    def running(self) -> Iterator[list[Spent]]:
        """What the body takes; the list has it afterwards."""
        spent: list[Spent] = []
        cpu, waited, began = *self._now(), time.perf_counter()
        yield spent
        seconds = time.perf_counter() - began
        cpu_now, waited_now = self._now()
        spent.append(Spent(seconds, cpu_now - cpu, waited_now - waited))

    def _now(self) -> tuple[float, float]:
        """How long this process and its server have run, and waited for a processor, in seconds."""
        waited = _scheduled(_OF_THREAD)[1] if _OF_THREAD.is_file() else 0.0
        cpu_there, waited_there = (0.0, 0.0) if self._served_by is None else _scheduled(self._served_by)
        return time.process_time() + cpu_there, waited + waited_there


def _scheduled(path: Path) -> tuple[float, float]:
    """Seconds on a processor, and waiting for one, as Linux counts them."""
    ran, waited, _slices = path.read_text().split()
    return int(ran) / 1e9, int(waited) / 1e9


def _of_backend(pid: int) -> Path | None:
    """Where Linux says how long PostgreSQL's process has run; None for a server on another machine."""
    path = Path(f"/proc/{pid}/schedstat")
    comm = path.with_name("comm")
    return path if comm.is_file() and comm.read_text().startswith("postgres") else None
