"""Memory and CPU of a tree of processes, through /proc."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Self

from tests.real_server import descendants

_TICKS = os.sysconf("SC_CLK_TCK")


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    return [pid, *descendants(pid)]


def pss_mib(pid: int) -> float:
    """The proportional set size of a process; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def anonymous_mib(pid: int) -> float:
    """The part of `pss_mib` that is not of files, which other programs on the machine may share."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")) / 1024


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process has used; 0 when it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


class PeakMemory(threading.Thread):
    """Looks at a tree of processes twice a second. A context manager."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0.0
        self.at_peak: dict[int, float] = {}
        self._pid = pid
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Look until the end."""
        while True:
            now = {pid: pss_mib(pid) for pid in tree(self._pid)}
            if sum(now.values()) > self.peak:
                self.peak, self.at_peak = sum(now.values()), now
            if self._ended.wait(0.5):
                return
