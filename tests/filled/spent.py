"""What a visit takes: time, and processor time, which is nearly the same whatever else the machine does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from matrix_app.storage import db


class Spent(NamedTuple):
    """Seconds of time, and of the processor: of this process, and of PostgreSQL's that serves it."""

    seconds: float
    cpu_seconds: float


class Stopwatch:
    """Measures work of this thread and its connection."""

    def __init__(self) -> None:
        self._served_by = None if db.is_sqlite() else _of_backend(int(db.value("SELECT pg_backend_pid()")))

    @contextmanager
    def running(self) -> Iterator[list[Spent]]:
        """What the body takes; the list has it afterwards."""
        spent: list[Spent] = []
        began, cpu = time.perf_counter(), self._cpu()
        yield spent
        spent.append(Spent(time.perf_counter() - began, self._cpu() - cpu))

    def _cpu(self) -> float:
        served = 0 if self._served_by is None else int(self._served_by.read_text().split()[0])
        return time.process_time() + served / 1e9


def _of_backend(pid: int) -> Path | None:
    """Where Linux says how long PostgreSQL's process has run; None for a server on another machine."""
    path = Path(f"/proc/{pid}/schedstat")
    comm = path.with_name("comm")
    return path if comm.is_file() and comm.read_text().startswith("postgres") else None
