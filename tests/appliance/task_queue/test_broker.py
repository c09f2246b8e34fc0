"""Handing out tasks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from appliance.config import get_config
from appliance.task_queue.abandoned import release_abandoned
from appliance.task_queue.broker import WokenBroker
from appliance.task_queue.wakeups import PostgresWakeups, SocketWakeups, wakeups

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def broker() -> WokenBroker:
    return WokenBroker(list_key="hearth")


@pytest.fixture
def in_thread() -> Iterator[Callable[[Callable[[], None]], None]]:
    """Runs something with a database connection of its own, and waits for it at the end."""
    threads: list[threading.Thread] = []

    def start(work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            finally:
                connection.close()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join()


def test_a_task_is_handed_out_once(broker: WokenBroker) -> None:
    key = broker.enqueue("payload")
    assert broker.dequeue() == [(key, "payload")]
    assert broker._take() == []


def test_tasks_are_handed_out_in_the_order_in_which_they_came(broker: WokenBroker) -> None:
    keys = [broker.enqueue(f"task {number}") for number in range(5)]
    assert [key for key, _ in broker.dequeue()] == keys


def test_a_task_is_taken_the_moment_it_is_committed(
    broker: WokenBroker, in_thread: Callable[[Callable[[], None]], None]
) -> None:
    def later() -> None:
        time.sleep(0.2)
        broker.enqueue("payload")

    wakeups().wait(0)  # from now on somebody listens
    in_thread(later)
    began = time.monotonic()
    while not (taken := broker.dequeue()):
        assert time.monotonic() - began < 5, "the wake-up did not arrive"
    assert [payload for _, payload in taken] == ["payload"]
    assert time.monotonic() - began < 2


def test_a_task_that_is_rolled_back_wakes_nobody(broker: WokenBroker) -> None:
    wakeups().wait(0)
    wakeups().wait(0)
    with transaction.atomic():
        broker.enqueue("payload")
        transaction.set_rollback(True)
    began = time.monotonic()
    wakeups().wait(0.3)
    assert time.monotonic() - began > 0.25


def test_tasks_of_a_cluster_that_was_killed_are_offered_again(broker: WokenBroker) -> None:
    key = broker.enqueue("payload")
    broker.dequeue()
    assert release_abandoned() == 1
    assert broker._take() == [(key, "payload")]


def test_a_task_that_waits_for_its_time_keeps_waiting_when_it_is_not_locked() -> None:
    OrmQ.objects.create(key="hearth", payload="x", lock=timezone.now() - timedelta(seconds=1))
    assert release_abandoned() == 0


def test_the_kind_of_wakeup_fits_the_database() -> None:
    kind = PostgresWakeups if connection.vendor == "postgresql" else SocketWakeups
    assert isinstance(wakeups(), kind)


def test_wakeups_that_came_together_count_as_one(tmp_path: Path) -> None:
    signals = SocketWakeups(tmp_path, workers=1)
    signals.wait(0)
    for _ in range(50):
        signals.wake()
    signals.wait(1)
    began = time.monotonic()
    signals.wait(0.2)
    assert time.monotonic() - began > 0.15


def test_waking_nobody_does_no_harm(tmp_path: Path) -> None:
    SocketWakeups(tmp_path / "none", workers=1).wake()


def test_a_new_worker_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    old, new = SocketWakeups(tmp_path, workers=1), SocketWakeups(tmp_path, workers=1)
    old.wait(0)
    new.wait(0)
    SocketWakeups(tmp_path, workers=1).wake()
    began = time.monotonic()
    new.wait(5)
    assert time.monotonic() - began < 1


def test_every_worker_is_woken(tmp_path: Path) -> None:
    workers = [SocketWakeups(tmp_path, workers=3, number=number) for number in range(3)]
    for worker in workers:
        worker.wait(0)
    SocketWakeups(tmp_path, workers=3).wake()
    began = time.monotonic()
    for worker in workers:
        worker.wait(5)
    assert time.monotonic() - began < 1


def test_the_socket_is_in_the_run_folder() -> None:
    if connection.vendor == "sqlite":
        assert str(get_config().server.run_dir) in repr(vars(wakeups()))
