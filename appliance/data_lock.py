"""That only one server uses a data folder: locks that the kernel frees whatever happens."""

from __future__ import annotations

import fcntl
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class DataInUse(Exception):
    """Another server, or the same part of it, runs with this data."""


def claim(run_dir: Path, part: str = "") -> ExitStack:
    """Holds the data until the result is closed, for a whole server or a part; raises `DataInUse`.

    Different parts run side by side; a whole server runs alone.
    """
    run_dir.mkdir(parents=True, exist_ok=True, mode=0o750)
    with ExitStack() as held:
        held.enter_context(_locked(run_dir / "hearth.lock", fcntl.LOCK_SH if part else fcntl.LOCK_EX))
        if part:
            held.enter_context(_locked(run_dir / f"{part}.lock", fcntl.LOCK_EX))
        return held.pop_all()


def _locked(file: Path, kind: int) -> IO[str]:
    stream = file.open("a")
    try:
        fcntl.flock(stream, kind | fcntl.LOCK_NB)
    except BlockingIOError as fault:
        stream.close()
        raise DataInUse from fault
    return stream
