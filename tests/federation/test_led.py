"""What one process at a time does beside its tasks."""

from __future__ import annotations

import asyncio

import pytest

from matrix_app.federation import led, loop
from matrix_app.federation.leadership import FileLeadership, leadership
from matrix_app.federation.led import Led
from tests.factories.sending import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


class Runner:
    """Counts how often it was woken; may fail."""

    def __init__(self, *, fails: bool = False) -> None:
        self.is_running = False
        self.woken = 0
        self._fails = fails
        self._ended = asyncio.Event()

    async def run(self) -> None:
        if self._fails:
            raise OSError("broken")
        self.is_running = True
        await self._ended.wait()
        self.is_running = False

    def wake(self) -> None:
        self.woken += 1

    def end(self) -> None:
        self._ended.set()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(led, "RETRY_SECONDS", 0.02)


def test_only_one_of_several_runs_and_another_follows_when_it_ends() -> None:
    runners = [Runner(), Runner()]
    both = [Led("test", lambda runner=runner: runner, leadership("test")) for runner in runners]  # type: ignore[misc]
    for one in both:
        one.start()
    wait_until(lambda: any(runner.is_running for runner in runners))
    assert sum(runner.is_running for runner in runners) == 1
    first = next(place for place, runner in enumerate(runners) if runner.is_running)
    both[first].wake()
    wait_until(lambda: runners[first].woken == 1)
    both[first].stop()
    assert not runners[first].is_running
    wait_until(lambda: runners[1 - first].is_running)
    both[1 - first].stop()
    assert not runners[1 - first].is_running
    loop.stop()


def test_what_fails_is_started_again() -> None:
    made: list[Runner] = []

    def make() -> Runner:
        made.append(Runner(fails=len(made) < 2))
        return made[-1]

    one = Led("failing", make, leadership("failing"))
    one.start()
    wait_until(lambda: len(made) == 3 and made[2].is_running)
    one.stop()
    loop.stop()


class BrokenLeadership(FileLeadership):
    """Cannot be asked at first."""

    def __init__(self, faults: int) -> None:
        super().__init__("broken")
        self.faults = faults

    def acquire(self) -> bool:
        if self.faults:
            self.faults -= 1
            raise OSError("too many open files")
        return super().acquire()


def test_when_it_cannot_be_asked_who_may_it_is_asked_again() -> None:
    runner = Runner()
    one = Led("broken", lambda: runner, BrokenLeadership(3))
    one.start()
    wait_until(lambda: runner.is_running)
    one.stop()
    assert not runner.is_running
    loop.stop()


def test_different_things_run_side_by_side() -> None:
    runners = [Runner(), Runner()]
    one = Led("one", lambda: runners[0], leadership("one"))
    two = Led("two", lambda: runners[1], leadership("two"))
    one.start()
    two.start()
    wait_until(lambda: all(runner.is_running for runner in runners))
    one.stop()
    two.stop()
    loop.stop()
