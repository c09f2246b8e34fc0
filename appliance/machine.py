"""The machine that the server runs on, as Linux tells of it; None for what a system does not tell."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")


class Memory(NamedTuple):
    """Memory in KiB: all, and what programs could still have."""

    total: int
    available: int


class Load(NamedTuple):
    """How many programs wanted to run, on average over 1, 5 and 15 minutes, and on how many processors."""

    minute: float
    five: float
    quarter: float
    processors: int


def memory() -> Memory | None:
    """The memory of the machine."""
    found = memory_figures()
    return Memory(found["MemTotal"], found["MemAvailable"]) if found else None


def memory_figures() -> dict[str, int]:
    """What proc_meminfo(5) says, by its names, in KiB; nothing where there is no such file."""
    try:
        lines = (_PROC / "meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return {}
    return {line.partition(":")[0]: int(line.split()[1]) for line in lines if line.split()[1:]}


def load() -> Load | None:
    """The load of the machine."""
    try:
        return Load(*os.getloadavg(), os.cpu_count() or 1)
    except OSError:
        return None


def process_began_ts() -> int | None:
    """When this process began, in milliseconds (field 22 of proc_pid_stat(5), counted from the boot)."""
    try:
        fields = (
            (_PROC / "self" / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        )
        lines = (_PROC / "stat").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    boot = next((int(line.split()[1]) for line in lines if line.startswith("btime ")), None)
    if boot is None:
        return None
    return boot * 1000 + int(fields[19]) * 1000 // os.sysconf("SC_CLK_TCK")
