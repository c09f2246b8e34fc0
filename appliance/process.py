"""What Hearth asks of the system for its processes: that they end together, and give memory back."""

from __future__ import annotations

import ctypes
import os
import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

FIRST_PROCESS = 1
_PR_SET_PDEATHSIG = 1
# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
# What a request of 200 kB takes, in a few copies, stays: each page of it would be a fault the next time.
_LARGE = 1024 * 1024
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD)


def die_with_parent(parent: int) -> None:
    """Ends this process when its parent dies, even by SIGKILL; at once when it is dead already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def bind_descendants() -> None:
    """Makes every process that this one forks from now on end with it."""
    os.register_at_fork(before=_Parent.remember, after_in_child=_Parent.follow)


class _Parent:
    """The process that forks, as its child must know it."""

    pid = 0

    @classmethod
    def remember(cls) -> None:
        cls.pid = os.getpid()

    @classmethod
    def follow(cls) -> None:
        die_with_parent(cls.pid)


def give_memory_back() -> None:
    """Has glibc return large pieces to the system when they are freed, and keep few heaps beside.

    Without it a busy moment's memory stays with the process: each thread has a heap of its own, and the
    size from which memory is returned grows with what was used.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # not a function of every C library
        mallopt(_M_ARENA_MAX, 2)
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _LARGE)


def end_when_told() -> None:
    """Has the signals that end a process end this one even when it is the first of a container.

    For that one the kernel leaves out what a signal does by itself. Its children end with it.
    """
    if os.getpid() == FIRST_PROCESS:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, _end)


def _end(number: int, _frame: object) -> None:
    os._exit(128 + number)


def reap_adopted(own: Collection[int]) -> None:
    """Removes processes that have ended and that nobody else will: the first process of a container
    becomes the parent of all that have lost theirs. The children in `own` are left to who started them.
    """
    try:
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in own:
                return
            os.waitpid(ended.si_pid, os.WNOHANG)
    except ChildProcessError:
        return  # there is none at all


def reset_signals() -> None:
    """Gives a forked child the default signal handling, whatever its parent had blocked or caught."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
