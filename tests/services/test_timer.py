"""Jobs that run at a time."""

from __future__ import annotations

import threading
import time

from matrix_app.services.timer import Timer


def test_a_job_runs_at_its_time_and_once_for_calls_that_are_due_together() -> None:
    timer, runs, done = Timer(), [], threading.Event()

    def job() -> None:
        runs.append(time.monotonic())
        done.set()

    start = time.monotonic()
    for _ in range(3):
        timer.call_in(0.05, job)
    assert done.wait(5)
    time.sleep(0.02)
    assert len(runs) <= 2
    assert runs[0] - start >= 0.05


def test_a_job_that_is_due_earlier_does_not_wait_for_one_that_was_asked_for_before() -> None:
    timer, late, early = Timer(), threading.Event(), threading.Event()
    timer.call_in(5, late.set)
    timer.call_in(0.01, early.set)
    assert early.wait(2)
    assert not late.is_set()


def test_the_thread_ends_with_the_last_job_and_begins_anew() -> None:
    timer = Timer()
    for _ in range(2):
        done = threading.Event()
        timer.call_in(0, done.set)
        assert done.wait(5)
        deadline = time.monotonic() + 5
        while timer._thread is not None and time.monotonic() < deadline:
            time.sleep(0.005)
        assert timer._thread is None
