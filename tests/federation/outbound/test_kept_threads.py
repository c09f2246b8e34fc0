"""One thread waits for the next piece of work."""

from __future__ import annotations

import threading
from concurrent.futures import wait

import pytest

from matrix_app.federation.outbound.kept_threads import KeptThreads
from tests.factories.sending import wait_until

pytestmark = pytest.mark.django_db(transaction=True)


def test_work_that_comes_after_other_work_is_done_by_the_same_thread() -> None:
    threads, found = KeptThreads("kept"), []
    for _ in range(3):
        threads.run(lambda: found.append(threading.current_thread())).result(10)
        wait_until(lambda: threads._waiting == 1)
    assert len(set(found)) == 1
    threads.end()
    found[0].join(10)
    assert not found[0].is_alive()


def test_work_that_comes_at_once_is_done_at_once() -> None:
    threads, meet = KeptThreads("kept"), threading.Barrier(4)
    done = [threads.run(lambda: _meet(meet)) for _ in range(4)]
    wait(done, 10)
    assert all(one.exception(0) is None for one in done)
    wait_until(lambda: threads._waiting == 1)
    threads.end()


def test_a_thread_that_waits_in_vain_ends() -> None:
    threads, found = KeptThreads("kept", kept_seconds=0.01), []
    threads.run(lambda: found.append(threading.current_thread())).result(10)
    found[0].join(10)
    assert not found[0].is_alive()
    assert threads._waiting == 0


def test_no_thread_waits_after_the_end() -> None:
    threads, found, go_on = KeptThreads("kept"), [], threading.Event()

    def work() -> None:
        found.append(threading.current_thread())
        go_on.wait(10)

    done = threads.run(work)
    threads.end()
    go_on.set()
    done.result(10)
    found[0].join(10)
    assert not found[0].is_alive()


def _meet(barrier: threading.Barrier) -> None:
    barrier.wait(10)
