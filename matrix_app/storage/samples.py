"""Figures over time, in rings: a day by minutes, a month by quarters of an hour, a year by two hours.

A sample takes the place of the one that was in its slot, so the table has a size that it never passes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from matrix_app.storage import db


class Span(NamedTuple):
    """A ring: its key, the milliseconds that a slot stands for, and how many slots it has."""

    nid: int
    step_ms: int
    slots: int

    @property
    def length_ms(self) -> int:
        """How far back it reaches."""
        return self.step_ms * self.slots

    def slot_of(self, ts: int) -> int:
        """The place of a time."""
        return ts // self.step_ms % self.slots


DAY: Final = Span(0, 60_000, 1440)
MONTH: Final = Span(1, 15 * 60_000, 2976)
YEAR: Final = Span(2, 120 * 60_000, 4392)
SPANS: Final = {"day": DAY, "month": MONTH, "year": YEAR}

_UPSERT: Final = " ON CONFLICT (span, metric, slot) DO UPDATE SET ts = excluded.ts, value = excluded.value"


def put(ts: int, values: Mapping[int, float]) -> None:
    """Store the values of metrics at a time, and the means of the longer spans that it belongs to."""
    at = ts - ts % DAY.step_ms
    rows = [(DAY.nid, metric, DAY.slot_of(at), at, value) for metric, value in values.items()]
    for row in rows:
        sql = f"INSERT INTO sample (span, metric, slot, ts, value) VALUES (%s, %s, %s, %s, %s){_UPSERT}"
        db.execute(sql, row)
    _roll(DAY, MONTH, at)
    _roll(MONTH, YEAR, at)


def _roll(source: Span, target: Span, at: int) -> None:
    """The mean of what a slot of the target spans; the slots of the source for it follow one another."""
    start = at - at % target.step_ms
    first = source.slot_of(start)
    last = first + target.step_ms // source.step_ms - 1
    sql = (
        "INSERT INTO sample (span, metric, slot, ts, value) SELECT %s, metric, %s, %s, avg(value) FROM sample"
        f" WHERE span = %s AND slot BETWEEN %s AND %s AND ts >= %s GROUP BY metric{_UPSERT}"
    )
    db.execute(sql, (target.nid, target.slot_of(start), start, source.nid, first, last, start))


def series(span: Span, metric: int, since: int) -> list[tuple[int, float]]:
    """The samples of a metric since a time, the oldest first."""
    sql = "SELECT ts, value FROM sample WHERE span = %s AND metric = %s AND ts >= %s ORDER BY ts"
    return [(ts, value) for ts, value in db.rows(sql, (span.nid, metric, since))]


def means(span: Span, metrics: Iterable[int], since: int, step_ms: int) -> dict[int, list[tuple[int, float]]]:
    """Metrics since a time, each by its means over steps, at the time of the first sample in each step."""
    sql = (
        f"SELECT metric, min(ts), avg(value) FROM sample WHERE span = %s AND {db.in_any('metric')}"
        " AND ts >= %s GROUP BY metric, ts / %s ORDER BY metric, min(ts)"
    )
    found: dict[int, list[tuple[int, float]]] = {}
    for metric, ts, value in db.rows(sql, (span.nid, db.any_of(metrics), since, step_ms)):
        found.setdefault(metric, []).append((ts, value))
    return found


def latest(metric: int) -> float | None:
    """The newest sample of a metric, of the last day."""
    sql = "SELECT value FROM sample WHERE span = %s AND metric = %s ORDER BY ts DESC LIMIT 1"
    found: float | None = db.value(sql, (DAY.nid, metric))
    return found
