"""The checks as data, and running them: several at a time, with time limits, after those that they need."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Final, NamedTuple

import structlog

from appliance.diagnostics.result import Result, Status, error, skipped, unknown
from matrix_app.protocol.said import said

AT_ONCE: Final = 6
MODULES: Final = (
    "appliance.diagnostics.checks.configuration",
    "appliance.diagnostics.checks.database",
    "appliance.diagnostics.checks.machine",
    "appliance.diagnostics.checks.clock",
    "appliance.diagnostics.checks.names",
    "appliance.diagnostics.checks.resolvers",
    "appliance.diagnostics.checks.dnssec",
    "appliance.diagnostics.checks.caa",
    "appliance.diagnostics.checks.wellknown",
    "appliance.diagnostics.checks.tls",
    "appliance.diagnostics.checks.own_certificate",
    "appliance.diagnostics.checks.ports",
    "appliance.diagnostics.checks.client",
    "appliance.diagnostics.checks.federation",
    "appliance.diagnostics.checks.endtoend",
    "appliance.diagnostics.checks.services",
    "appliance.diagnostics.checks.turn",
    "appliance.diagnostics.checks.rtc",
    "appliance.diagnostics.checks.alerts",
    "appliance.diagnostics.checks.backup",
    "appliance.diagnostics.checks.security",
    "appliance.diagnostics.checks.work",
)

# What a check finds when those that need it make no sense.
_STOPS: Final = (Status.ERROR, Status.SKIPPED)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Check:
    """A check: `group.name`, what it looks at, and the checks that must not have failed before."""

    id: str
    title: str
    run: Callable[[], Result]
    needs: tuple[str, ...] = ()
    timeout: float = 10.0
    # Takes a minute or more: run by the schedule, or when it is asked for by name.
    is_slow: bool = False

    @property
    def group(self) -> str:
        """The part of its ID before the dot."""
        return self.id.partition(".")[0]


class Finding(NamedTuple):
    """What a check found, and in how many seconds."""

    check: Check
    result: Result
    seconds: float


_registered: dict[str, Check] = {}


def check(
    id: str, title: str, *, needs: Iterable[str] = (), timeout: float = 10.0, slow: bool = False
) -> Callable[[Callable[[], Result]], Callable[[], Result]]:
    """Declare the decorated function as a check. It may block; what it raises is an error of the check."""

    def register(run: Callable[[], Result]) -> Callable[[], Result]:
        _registered[id] = Check(id, title, run, tuple(needs), timeout, slow)
        return run

    return register


@lru_cache(maxsize=1)
def _load() -> None:
    for module in MODULES:
        import_module(module)


def all_checks() -> dict[str, Check]:
    """Every check by its ID, in the order of `MODULES` and of the checks in each."""
    _load()
    # Whoever imports a module of checks for itself must not change the order of the list.
    in_order = sorted(_registered.values(), key=lambda one: MODULES.index(one.run.__module__))
    return {one.id: one for one in in_order}


def run_checks(
    wanted: Iterable[str] | None = None,
    tell: Callable[[Finding], None] = lambda _finding: None,
    *,
    known: dict[str, Check] | None = None,
) -> list[Finding]:
    """Run checks and what they need; `tell` hears each as it ends.

    Without `wanted` all that are quick, else those of some IDs, and the quick ones of some groups.
    """
    known = all_checks() if known is None else known
    quick = [id for id, one in known.items() if not one.is_slow]
    chosen = _with_needs(known, quick if wanted is None else _named(known, wanted))
    return sorted(_Run(chosen, tell).findings(), key=lambda finding: list(known).index(finding.check.id))


def _named(known: dict[str, Check], wanted: Iterable[str]) -> list[str]:
    names = set(wanted)
    return [id for id, one in known.items() if id in names or (one.group in names and not one.is_slow)]


def _with_needs(known: dict[str, Check], ids: Iterable[str]) -> dict[str, Check]:
    chosen: dict[str, Check] = {}
    waiting = list(ids)
    while waiting:
        id = waiting.pop()
        if id not in chosen:
            chosen[id] = known[id]
            waiting += known[id].needs
    return chosen


class _Run:
    """One run of some checks."""

    def __init__(self, checks: dict[str, Check], tell: Callable[[Finding], None]) -> None:
        self._waiting = dict(checks)
        self._tell = tell
        self._done: dict[str, Finding] = {}
        self._began: dict[Future[Result], tuple[Check, float]] = {}

    def findings(self) -> list[Finding]:
        # Not a context manager: a check that hangs past its limit must not hold up the others' results.
        pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="check")
        try:
            while self._waiting or self._began:
                self._begin(pool)
                self._end()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        return list(self._done.values())

    def _begin(self, pool: ThreadPoolExecutor) -> None:
        for one in list(self._waiting.values()):
            if len(self._began) >= AT_ONCE:
                return
            if any(need in self._waiting or self._is_running(need) for need in one.needs):
                continue
            del self._waiting[one.id]
            failed = [need for need in one.needs if self._done[need].result.status in _STOPS]
            if failed:
                why = said(self._done[failed[0]].check.title)
                self._note(one, skipped(said("Not looked at, because of: {why}", why=why)), 0.0)
            else:
                self._began[pool.submit(_safely, one)] = (one, time.monotonic())

    def _is_running(self, id: str) -> bool:
        return any(one.id == id for one, _began in self._began.values())

    def _end(self) -> None:
        done, _running = wait(self._began, timeout=0.2, return_when=FIRST_COMPLETED)
        for future in done:
            one, began = self._began.pop(future)
            self._note(one, future.result(), time.monotonic() - began)
        for future, (one, began) in list(self._began.items()):
            if time.monotonic() - began > one.timeout:
                del self._began[future]
                self._note(
                    one, unknown(said("No answer within {timeout:.0f} s", timeout=one.timeout)), one.timeout
                )

    def _note(self, one: Check, result: Result, seconds: float) -> None:
        finding = Finding(one, result, seconds)
        self._done[one.id] = finding
        self._tell(finding)


def _safely(one: Check) -> Result:
    from django.db import connections

    try:
        return one.run()
    except Exception as fault:  # noqa: BLE001  (a check that breaks is shown, and takes nothing down)
        _log.exception("a check failed", check=one.id)
        return error(said("The check itself failed: {name}: {fault}", name=type(fault).__name__, fault=fault))
    finally:
        connections.close_all()
