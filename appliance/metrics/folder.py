"""The files of figures of all processes, in `run_dir`: those of processes that ended become one."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"
# Stands for all processes that have ended.
ENDED: Final = 0


def begin(run_dir: Path) -> None:
    """Have this process and its children count in files. To be called before anything is counted."""
    folder = run_dir / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[VARIABLE] = str(folder)
    with _locked(folder):
        _merge_ended(folder)


def collected() -> list[Metric]:
    """What all processes of this server have counted so far."""
    from appliance.metrics.counted import REGISTRY

    name = os.environ.get(VARIABLE)
    if name is None:  # one process, as in development
        return list(REGISTRY.collect())
    from prometheus_client import CollectorRegistry, multiprocess

    made: Any = multiprocess  # it has no types
    folder = Path(name)
    with _locked(folder):
        _merge_ended(folder)
        return list(made.MultiProcessCollector(CollectorRegistry(), path=name).collect())


def counting_pids() -> set[int]:
    """The processes that have counted something and run."""
    name = os.environ.get(VARIABLE)
    found = {os.getpid()} if name is None else {_pid_of(file) for file in Path(name).glob("*.db")}
    return {pid for pid in found if pid != ENDED and _runs(pid)}


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _merge_ended(folder: Path) -> None:
    """Add what ended processes counted to one file, so that totals never fall and files never grow many."""
    from prometheus_client import mmap_dict

    files: Any = mmap_dict.MmapedDict  # it has no types
    for file in folder.glob("*.db"):
        pid = _pid_of(file)
        if pid == ENDED or _runs(pid):
            continue
        if file.name.startswith("gauge_"):  # what an ended process had in hand is no more
            file.unlink()
            continue
        total = files(str(folder / f"{file.name.partition('_')[0]}_{ENDED}.db"))
        for key, value, _ts, _position in files.read_all_values_from_file(str(file)):
            total.write_value(key, total.read_value(key)[0] + value, 0.0)
        total.close()
        file.unlink()


def _pid_of(file: Path) -> int:
    number = file.stem.rpartition("_")[2]
    return int(number) if number.isdecimal() else ENDED


def _runs(pid: int) -> bool:
    # Not by /proc, in which systemd may hide others.
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
