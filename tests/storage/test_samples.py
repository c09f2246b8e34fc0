"""Rings of samples: they never grow, and their longer spans hold means of the shorter ones."""

from __future__ import annotations

import pytest

from matrix_app.storage import db, samples
from matrix_app.storage.samples import DAY, MONTH, SPANS, YEAR

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = 60_000
NOON = 1_800_000_000_000 - 1_800_000_000_000 % YEAR.step_ms


def put(ts: int, value: float, metric: int = 1) -> None:
    with db.write():
        samples.put(ts, {metric: value})


def test_a_ring_is_as_long_as_its_name_says_and_divides_evenly() -> None:
    assert DAY.length_ms == 24 * 60 * MINUTE
    assert MONTH.length_ms == 31 * DAY.length_ms
    assert YEAR.length_ms == 366 * DAY.length_ms
    for short, long in ((DAY, MONTH), (MONTH, YEAR)):
        assert short.slots % (long.step_ms // short.step_ms) == 0


def test_a_later_sample_takes_the_place_of_one_a_whole_ring_before() -> None:
    put(NOON, 1.0)
    put(NOON + DAY.length_ms, 2.0)
    assert samples.series(DAY, 1, 0) == [(NOON + DAY.length_ms, 2.0)]
    assert db.value("SELECT count(*) FROM sample WHERE span = 0") == 1


def test_longer_spans_hold_the_means_of_what_they_span() -> None:
    for minute in range(20):
        put(NOON + minute * MINUTE, float(minute))
    quarter = 15 * MINUTE
    assert samples.series(MONTH, 1, 0) == [(NOON, 7.0), (NOON + quarter, 17.0)]
    assert samples.series(YEAR, 1, 0) == [(NOON, 12.0)]


def test_what_is_left_of_the_day_before_is_in_no_mean() -> None:
    put(NOON + 5 * MINUTE, 100.0)
    put(NOON + DAY.length_ms, 2.0)
    assert samples.series(MONTH, 1, NOON + DAY.length_ms) == [(NOON + DAY.length_ms, 2.0)]


def test_metrics_are_kept_apart_and_the_newest_is_told() -> None:
    put(NOON, 1.0)
    put(NOON, 5.0, metric=2)
    put(NOON + MINUTE, 6.0, metric=2)
    assert samples.latest(1) == 1.0
    assert samples.latest(2) == 6.0
    assert samples.latest(3) is None
    assert set(SPANS) == {"day", "month", "year"}
