"""Who notices that tasks were left behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from appliance.config import load_config, use_config
from appliance.task_queue.abandoned import (
    Attendance,
    DatabasePresence,
    FilePresence,
    Presence,
    release_abandoned,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def run_dir(tmp_path: Path) -> Iterator[None]:
    with use_config(load_config({"HEARTH_SERVER__DATA_DIR": str(tmp_path)})):
        yield


def locked_task() -> OrmQ:
    lock = timezone.now() + timedelta(minutes=10)
    task: OrmQ = OrmQ.objects.create(key="hearth", payload="x", lock=lock)
    return task


def is_locked(task: OrmQ) -> bool:
    task.refresh_from_db()
    return bool(task.lock > timezone.now())


def test_the_first_worker_frees_what_was_left_behind() -> None:
    task = locked_task()
    with Attendance():
        assert not is_locked(task)


def test_a_worker_beside_others_leaves_their_tasks_alone() -> None:
    if connection.vendor == "postgresql":
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock_shared(1752457587)")
        close = other.close
    else:
        close = FilePresence().join().__enter__().close  # type: ignore[attr-defined]
    task = locked_task()
    with Attendance():
        assert is_locked(task)
    close()


def test_nothing_is_said_of_tasks_that_wait_unlocked() -> None:
    OrmQ.objects.create(key="hearth", payload="x", lock=timezone.now() - timedelta(seconds=1))
    assert release_abandoned() == 0


def test_two_workers_may_be_present_together() -> None:
    kind: type[Presence] = DatabasePresence if connection.vendor == "postgresql" else FilePresence
    first = kind()
    assert first.alone()
    with first.join():
        second = kind()
        with second.join():
            assert second is not first
