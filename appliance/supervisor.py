"""Keeps child processes running: starts them, starts again what dies, passes signals on, ends them."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

from appliance.process import FIRST_PROCESS, die_with_parent, reap_adopted, reset_signals
from appliance.service_manager import ServiceManager

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

FIRST_DELAY = 0.1
LONGEST_DELAY = 10.0
# A child that ran this long has recovered: its next start is not delayed.
STEADY_SECONDS = 30.0
# So many starts that all ended within a moment, from the first on: it will not get better by itself.
HOPELESS_STARTS = 12
MOMENT_SECONDS = 2.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
# Asks for a new start of everything, with the configuration as it is then.
RESTART_SIGNAL = signal.SIGUSR1
# What `Supervisor.run` answers with after it.
RESTART = -1


@dataclass
class Child:
    """A process to keep running. `main` runs in it, and its return value is the exit code."""

    name: str
    main: Callable[[], int]
    pid: int = 0
    started: float = 0.0
    start_at: float = 0.0
    deaths: int = 0
    ever_ran: bool = False
    delay: float = field(default=FIRST_DELAY)

    def died(self, now: float) -> None:
        """Decides when the child is started again: later each time, until it has run for a while."""
        ran = now - self.started
        self.pid = 0
        self.ever_ran = self.ever_ran or ran >= MOMENT_SECONDS
        self.deaths = self.deaths + 1
        self.delay = FIRST_DELAY if ran >= STEADY_SECONDS else min(self.delay * 2, LONGEST_DELAY)
        self.start_at = now + self.delay

    def is_hopeless(self) -> bool:
        """Whether it never ran, often enough; what ran once may run again, when its database is back."""
        return not self.ever_ran and self.deaths >= HOPELESS_STARTS


class Supervisor:
    """Runs children until it is told to stop, or one of them cannot be kept running."""

    def __init__(
        self,
        children: list[Child],
        *,
        grace_seconds: float = 15.0,
        manager: ServiceManager | None = None,
        adopts: bool | None = None,
    ) -> None:
        """`adopts` says whether processes without a parent become its own; else, if it is the first."""
        self.children = children
        self._adopts = os.getpid() == FIRST_PROCESS if adopts is None else adopts
        self.grace_seconds = grace_seconds
        self._manager = manager or ServiceManager({})
        self._waited_for = {*STOP_SIGNALS, RESTART_SIGNAL, signal.SIGHUP, signal.SIGCHLD}

    def run(self, while_starting: Callable[[], bool] = lambda: True) -> int:
        """Supervises until the end; the exit code is 0 when it was told to stop, `RESTART` to start anew.

        `while_starting` is called several times a second until it answers True.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, self._waited_for)
        started = False
        while True:
            self._start_due()
            started = started or while_starting()
            received = self._wait(self._pause() if started else 0.05)
            self._manager.alive()
            self._reap()
            if received in STOP_SIGNALS:
                log.info("stopping", signal=signal.Signals(received).name)
                return self._stop(0)
            if received == RESTART_SIGNAL:
                log.info("starting anew")
                return self._stop(RESTART)
            if received == signal.SIGHUP:
                self._signal_all(signal.SIGHUP)
            hopeless = [child.name for child in self.children if child.is_hopeless()]
            if hopeless:
                log.error("giving up: it ends as soon as it is started", processes=hopeless)
                return self._stop(1)

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if not child.pid and child.start_at <= now:
                self._start(child, now)

    def _start(self, child: Child, now: float) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        parent = os.getpid()
        child.started = now
        child.pid = os.fork()
        if not child.pid:
            _run_child(child, parent)
        log.debug("started", process=child.name, pid=child.pid)

    def _wait(self, seconds: float | None) -> int:
        if seconds is None:
            return signal.sigwait(self._waited_for)
        received = signal.sigtimedwait(self._waited_for, max(0.0, seconds))
        return received.si_signo if received else 0

    def _pause(self) -> float | None:
        """How long there is nothing to do unless a signal comes; None for as long as it takes."""
        pauses = (self._until_next_start(), self._manager.beat_seconds)
        return min((pause for pause in pauses if pause is not None), default=None)

    def _until_next_start(self) -> float | None:
        waiting = [child.start_at for child in self.children if not child.pid]
        return min(waiting) - time.monotonic() if waiting else None

    def _reap(self) -> None:
        for child in self.children:
            if child.pid and (ended := _ended(child.pid)) is not None:
                child.died(time.monotonic())
                log.warning("a process ended; it is started again", process=child.name, code=ended)
        if self._adopts:
            reap_adopted({child.pid for child in self.children})

    def _signal_all(self, number: int) -> None:
        for child in self.children:
            if child.pid:
                os.kill(child.pid, number)

    def _stop(self, code: int) -> int:
        """Asks the children to end, waits, and kills what is left; 0 when told to stop meanwhile."""
        self._manager.stopping()
        self._signal_all(signal.SIGTERM)
        deadline = time.monotonic() + self.grace_seconds
        while any(child.pid for child in self.children):
            for child in self.children:
                if child.pid and _ended(child.pid) is not None:
                    child.pid = 0
            if time.monotonic() > deadline:
                log.warning("killing what did not stop in time", seconds=self.grace_seconds)
                self._signal_all(signal.SIGKILL)
                deadline = float("inf")
            if self._wait(0.1) in STOP_SIGNALS:
                code = 0
        return code


def _ended(pid: int) -> int | None:
    """The exit code of a child that has ended: negative for a signal; None while it runs."""
    found, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _run_child(child: Child, parent: int) -> None:
    """The life of a forked child; never returns."""
    code = 1
    try:
        die_with_parent(parent)
        reset_signals()
        os.setpgid(0, 0)  # Ctrl-C is for the supervisor, which stops its children in order
        code = child.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except KeyboardInterrupt:
        code = 130
    except BaseException:
        log.exception("a process failed", process=child.name)
        raise
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
