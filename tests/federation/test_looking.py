"""The thread that looks for work."""

from __future__ import annotations

import threading

import pytest

from matrix_app.federation.looking import LookingThread

SECONDS = 20.0

pytestmark = pytest.mark.django_db(transaction=True)


class Looking(LookingThread):
    """Notes its looks; some fail."""

    def __init__(self, *, pause: float, failing: int = 0) -> None:
        super().__init__("looking", stop_seconds=SECONDS)
        self.seconds = pause
        self.failing = failing
        self.let_go_of: list[str] = []
        self.looks = threading.Semaphore(0)

    def look(self) -> None:
        self.looks.release()
        if self.failing:
            self.failing -= 1
            raise OSError("nothing can be seen")

    def pause(self) -> float:
        return self.seconds

    def let_go(self) -> None:
        self.let_go_of.append(threading.current_thread().name)


def _looks(looking: Looking, times: int) -> None:
    for _ in range(times):
        assert looking.looks.acquire(timeout=SECONDS)


def test_it_looks_at_the_start_and_when_it_is_woken() -> None:
    looking = Looking(pause=1000.0)
    looking.start()
    _looks(looking, 1)
    looking.wake()
    _looks(looking, 1)
    looking.stop()
    assert looking.let_go_of == ["looking"]


def test_it_looks_again_after_a_while() -> None:
    looking = Looking(pause=0.01)
    looking.start()
    _looks(looking, 3)
    looking.stop()


def test_it_looks_again_after_a_look_that_failed() -> None:
    looking = Looking(pause=0.01, failing=2)
    looking.start()
    _looks(looking, 3)
    looking.stop()
    assert looking.let_go_of == ["looking"] * 3


def test_nothing_is_looked_for_after_the_end() -> None:
    looking = Looking(pause=0.0)
    looking.start()
    _looks(looking, 1)
    looking.stop()
    while looking.looks.acquire(blocking=False):
        pass
    looking.wake()
    assert not looking.looks.acquire(timeout=0.05)
