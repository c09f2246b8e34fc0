"""A line chart as data: what its template draws as SVG, and the table of its values beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from django.utils.functional import Promise

# Of the lines, which are stretched to whatever room there is; letters are not (`chart.html`).
WIDTH: Final = 720
HEIGHT: Final = 160
# So that half a label has room above.
TOP: Final = 8
# The part of the height that the lines have, above the labels of times.
PLOT: Final = 0.88
# More cannot be told apart at this width.
MOST_POINTS: Final = 360
MOST_ROWS: Final = 48
# A line is broken where nothing was measured for so many steps.
GAP_STEPS: Final = 2.5

Points = Sequence[tuple[int, float]]


class Tick(NamedTuple):
    """A mark on an axis: where, in percent of the picture, and what it says."""

    at: float
    label: str


class Row(NamedTuple):
    """A line of the table: a time for programs and for people, and a value as text."""

    time: str
    label: str
    value: str


class Chart(NamedTuple):
    """Everything that is drawn; `lines` are the points of polylines, `areas` those of what is below them."""

    id: str
    title: Promise | str
    lines: list[str]
    areas: list[str]
    y_ticks: list[Tick]
    x_ticks: list[Tick]
    rows: list[Row]
    latest: str

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been measured."""
        return not self.rows


def chart(
    id: str,
    title: Promise | str,
    points: Points,
    since: int,
    upto: int,
    step: int,
    text: Callable[[float], str],
) -> Chart:
    """Draw points between two times, which are `step` apart; `text` tells a value to people."""
    shown = thinned(points, MOST_POINTS + 1)
    top = nice(max((value for _, value in shown), default=0.0))
    place = _Place(since, upto, top)
    runs = list(_runs(shown, step * GAP_STEPS))
    return Chart(
        id,
        title,
        [place.line(run) for run in runs],
        [f"{place.x(run[0][0])},{HEIGHT} {place.line(run)} {place.x(run[-1][0])},{HEIGHT}" for run in runs],
        [Tick(place.y_percent(top * part / 2), text(top * part / 2)) for part in range(3)],
        _x_ticks(place, since, upto),
        [Row(*_times(ts), text(value)) for ts, value in thinned(points, MOST_ROWS)],
        text(points[-1][1]) if points else "",
    )


def _times(ts: int) -> tuple[str, str]:
    moment = datetime.fromtimestamp(ts // 60_000 * 60, UTC)
    return moment.isoformat(), f"{moment:%Y-%m-%d %H:%M}"


class _Place(NamedTuple):
    """Where a time and a value are in the picture."""

    since: int
    upto: int
    top: float

    def x(self, ts: int) -> float:
        return round(WIDTH * (ts - self.since) / (self.upto - self.since), 1)

    def y(self, value: float) -> float:
        return round(HEIGHT - (HEIGHT - TOP) * value / self.top, 1)

    def line(self, run: Points) -> str:
        return " ".join(f"{self.x(ts)},{self.y(value)}" for ts, value in run)

    def x_percent(self, ts: int) -> float:
        return round(100 * self.x(ts) / WIDTH, 2)

    def y_percent(self, value: float) -> float:
        return round(100 * PLOT * self.y(value) / HEIGHT, 2)


def nice(most: float) -> float:
    """A round number not below the greatest value, and above zero."""
    if most <= 0:
        return 1.0
    unit = 10.0 ** math.floor(math.log10(most))
    return next(unit * step for step in (1, 2, 5, 10) if unit * step >= most)


def thinned(points: Points, most: int) -> list[tuple[int, float]]:
    """At most so many points: neighbours become their mean, at the time of the first."""
    size = math.ceil(len(points) / most) or 1
    groups = [points[at : at + size] for at in range(0, len(points), size)]
    return [(group[0][0], sum(value for _, value in group) / len(group)) for group in groups]


def _runs(points: Points, gap: float) -> Iterator[list[tuple[int, float]]]:
    run: list[tuple[int, float]] = []
    for point in points:
        if run and point[0] - run[-1][0] > gap:
            yield run
            run = []
        run.append(point)
    if run:
        yield run


def _x_ticks(place: _Place, since: int, upto: int) -> list[Tick]:
    form = "%H:%M" if upto - since <= 2 * 86_400_000 else "%Y-%m-%d"
    times = [since + (upto - since) * part // 4 for part in (1, 2, 3)]
    return [Tick(place.x_percent(ts), datetime.fromtimestamp(ts / 1000, UTC).strftime(form)) for ts in times]
