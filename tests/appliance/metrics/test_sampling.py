"""Rates from totals, and the forecast of the disk."""

from __future__ import annotations

import pytest

from appliance.diagnostics.checks import machine
from appliance.diagnostics.result import Status
from appliance.metrics.counted import count_request
from appliance.metrics.forecast import DAY_MS, days_until_full
from appliance.metrics.sampling import Figure, Totals, rates, take
from matrix_app.storage import db, samples
from matrix_app.storage.clock import now_ms

pytestmark = pytest.mark.django_db(transaction=True)


def test_rates_are_told_from_two_readings() -> None:
    before, after = Totals(10, 100, 5, 4, 1.0), Totals(70, 220, 11, 8, 1.4)
    found = rates(before, after)
    assert found[Figure.REQUESTS] == 2.0
    assert found[Figure.MESSAGES] == 6.0
    assert found[Figure.SYNC_MS] == pytest.approx(100.0)


def test_totals_that_fell_and_a_first_reading_tell_nothing() -> None:
    reading = Totals(10, 100, 5, 4, 1.0)
    assert rates(None, reading) == {}
    assert rates(reading, Totals(70, 3, 0, 0, 0.0)) == {}
    assert Figure.SYNC_MS not in rates(reading, reading._replace(at=20.0)), "no sync, no time"


def test_a_sample_of_every_figure_is_taken() -> None:
    take()
    count_request("/_matrix/client/versions", 200, 0.01, waited=False)
    take()
    assert (samples.latest(Figure.REQUESTS) or 0) > 0
    assert (samples.latest(Figure.MEMORY) or 0) > 1_000_000
    assert samples.latest(Figure.TASKS_WAITING) is not None


def test_a_disk_that_fills_evenly_is_forecast() -> None:
    points = [(day * DAY_MS, 1000.0 + 10 * day) for day in range(5)]
    assert days_until_full(points, 100.0) == pytest.approx(10.0)
    assert days_until_full([(ts, 1000.0) for ts, _ in points], 100.0) is None
    assert days_until_full(points[:2], 100.0) is None
    assert days_until_full([(0, 1.0), (1, 2.0), (2, 3.0)], 1.0) is None, "too short to say"


def test_a_disk_that_is_full_soon_is_a_warning() -> None:
    assert machine.disk_forecast().status is Status.OK
    start = now_ms() - 3 * DAY_MS
    for quarter in range(0, 3 * 96, 8):
        with db.write():
            samples.put(start + quarter * 900_000, {int(Figure.DISK_USED): 1e15 * quarter})
    found = machine.disk_forecast()
    assert found.status is Status.ERROR
    assert "full in" in found.summary
