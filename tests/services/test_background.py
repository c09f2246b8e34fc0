"""Handing work to the worker."""

from __future__ import annotations

import time

import pytest

from matrix_app.services import background
from matrix_app.storage import db
from tests.factories.sending import wait_until

SECONDS = 0.2


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """When the task was handed over."""
    found: list[float] = []
    monkeypatch.setattr(background, "run_later", lambda _task: found.append(time.monotonic()))
    return found


@pytest.mark.django_db(transaction=True)
def test_a_burst_leads_to_a_run_at_once_and_one_at_its_end(runs: list[float]) -> None:
    for _ in range(50):
        background.run_soon("task", SECONDS)
    assert len(runs) == 1
    wait_until(lambda: len(runs) == 2)
    assert runs[1] - runs[0] >= SECONDS * 0.9
    time.sleep(SECONDS * 1.5)
    assert len(runs) == 2


@pytest.mark.django_db(transaction=True)
def test_nothing_that_comes_after_a_run_is_forgotten(runs: list[float]) -> None:
    asked = 0.0
    for _ in range(30):
        asked = time.monotonic()
        background.run_soon("task", 0.05)
        time.sleep(0.02)
    wait_until(lambda: runs[-1] >= asked)
    assert 3 <= len(runs) <= 30


@pytest.mark.django_db(transaction=True)
def test_work_is_handed_over_once_it_is_committed(runs: list[float]) -> None:
    with db.write():
        background.run_soon("task", SECONDS)
        assert runs == []
    assert len(runs) == 1
