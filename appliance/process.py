"""What every process that Hearth forks does first."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
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


def reset_signals() -> None:
    """Gives a forked child the default signal handling, whatever its parent had blocked or caught."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
