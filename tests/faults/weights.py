"""What all processes of a server hold, by /proc."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from tests.real_server import descendants


class Weight(NamedTuple):
    """Memory (PSS, in MiB), and open descriptors of all processes together."""

    mib: float
    descriptors: int


def weigh(pid: int) -> Weight:
    """What a process and its descendants hold now."""
    pids = [pid, *descendants(pid)]
    return Weight(sum(map(_pss_kib, pids)) / 1024, sum(map(_descriptors, pids)))


def _pss_kib(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it ended meanwhile
    return next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)


def _descriptors(pid: int) -> int:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return 0
