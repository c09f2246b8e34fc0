"""That only one server uses a data folder: locks that the kernel frees whatever happens."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_WHOLE = "hearth.lock"
_LOCKS = (_WHOLE, "worker.lock", "web.lock")


class DataInUse(Exception):
    """Another server, or the same part of it, runs with this data."""


def claim(run_dir: Path, part: str = "") -> ExitStack:
    """Holds the data until the result is closed, for a whole server or a part; raises `DataInUse`.

    Different parts run side by side; a whole server runs alone.
    """
    run_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
    with ExitStack() as held:
        lock = held.enter_context(_locked(run_dir / _WHOLE, fcntl.LOCK_SH if part else fcntl.LOCK_EX))
        if part:
            lock = held.enter_context(_locked(run_dir / f"{part}.lock", fcntl.LOCK_EX))
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        return held.pop_all()


def holders(run_dir: Path) -> list[int]:
    """The processes that hold the data now: the first of a whole server, or the first of each part."""
    return [pid for name in _LOCKS if (pid := _holder(run_dir / name))]


def running_parts(run_dir: Path) -> list[str]:
    """The parts that run now; "" stands for a whole server."""
    return [
        "" if name == _WHOLE else name.removesuffix(".lock") for name in _LOCKS if _holder(run_dir / name)
    ]


def _holder(file: Path) -> int:
    """Who holds a file for itself alone; 0 for nobody."""
    try:
        with file.open() as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return 0
    except BlockingIOError:
        text = file.read_text().strip()
        return int(text) if text.isdigit() else 0
    except OSError:  # gone, or of somebody else
        return 0


def _locked(file: Path, kind: int) -> IO[str]:
    stream = file.open("a")
    try:
        fcntl.flock(stream, kind | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        stream.close()
        raise DataInUse from fault
    return stream
