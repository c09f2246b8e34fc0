"""Processes that die or hang: systemd, or whoever watches them, starts new ones."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import Final

from stories.client import answers

from booted.machine import SECONDS, log_of, main_pid, shown, tell, wait_active, wait_for

WEB: Final = "hearth-web.service"
WORKER: Final = "hearth-worker.service"


def check_crash() -> None:
    """A service whose first process is killed comes back with all its processes."""
    before, began = main_pid(WORKER), time.monotonic()
    os.kill(before, signal.SIGKILL)
    wait_for("the worker is new", partial(is_new, WORKER, before))
    wait_active(WORKER)
    tell("a worker that was killed is back", began)


def check_hung_services() -> None:
    """A first process that does nothing any more is killed by systemd's watchdog, and started again."""
    stopped = {unit: main_pid(unit) for unit in (WEB, WORKER)}
    limit = seconds_of(shown(WEB, "WatchdogUSec"))
    began = time.monotonic()
    for pid in stopped.values():
        os.kill(pid, signal.SIGSTOP)
    for unit, pid in stopped.items():
        wait_for(f"{unit} is new", partial(is_new, unit, pid), limit + 3 * SECONDS)
        wait_active(unit)
        assert "Watchdog timeout" in log_of(unit), log_of(unit)[-1000:]
    wait_for("the server answers", answers)
    tell(f"services that hung were killed by the watchdog ({limit} s) and are back", began)


def check_hung_web_process() -> None:
    """One of those that answer hangs, and is replaced by the process above it."""
    child = web_processes()[0]
    began = time.monotonic()
    os.kill(child, signal.SIGSTOP)
    wait_for("the process is gone", lambda: not Path(f"/proc/{child}").exists(), 3 * SECONDS)
    wait_for("there is another", lambda: bool(web_processes()))
    wait_for("the server answers", answers)
    tell("a web process that hung is replaced", began)


def is_new(unit: str, before: int) -> bool:
    """Whether a service runs, and by another first process than before."""
    return main_pid(unit) not in (0, before)


def web_processes() -> list[int]:
    """Those that answer: the youngest generation below the first process."""
    first = main_pid(WEB)
    arbiters = children(first)
    return [child for arbiter in arbiters for child in children(arbiter)] or arbiters


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def seconds_of(text: str) -> int:
    """A time span such as `1min` or `1min 30s`."""
    units = {"min": 60, "s": 1}
    parts = (part for part in text.split())
    total = 0
    for part in parts:
        number = part.rstrip("mins")
        total += int(number) * units[part[len(number) :]]
    return total
