"""The processes of this server: their memory, descriptors and threads, as Linux tells them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from appliance.metrics.folder import counting_pids


class ProcessFigures(NamedTuple):
    """Memory in bytes, shared pages counted by share (PSS); descriptors and threads of all processes."""

    processes: int
    memory: int
    descriptors: int
    threads: int


def figures() -> ProcessFigures:
    """The figures of all processes that belong to this server."""
    pids = counting_pids() | _family()
    return ProcessFigures(
        len(pids),
        sum(_memory(pid) for pid in pids),
        sum(_entries(pid, "fd") for pid in pids),
        sum(_entries(pid, "task") for pid in pids),
    )


def _family() -> set[int]:
    """This process, and those that it was forked from."""
    own, found, pid = _command(os.getpid()), {os.getpid()}, os.getppid()
    while pid > 1 and _command(pid) == own:
        found.add(pid)
        pid = _parent(pid)
    return found


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def _parent(pid: int) -> int:
    try:
        # The name, in parentheses, may hold spaces.
        return int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _memory(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def _entries(pid: int, folder: str) -> int:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/{folder}").iterdir())
    except OSError:
        return 0
