"""The figures that are drawn, and how each is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from admin_ui.sections.graphs.chart import MOST_POINTS, Chart, chart
from admin_ui.templatetags.hearth import bytes_text
from appliance.metrics.sampling import Figure
from matrix_app.storage import samples
from matrix_app.storage.clock import now_ms
from matrix_app.storage.samples import Span


class Drawn(NamedTuple):
    """A figure, its title, and how a value is told."""

    figure: Figure
    title: Promise | str
    text: Callable[[float], str]


def number(value: float) -> str:
    """A number with as many places as matter."""
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2g}"


def milliseconds(value: float) -> str:
    """A time in milliseconds."""
    return f"{number(value)} ms"


def seconds(value: float) -> str:
    """A time in seconds."""
    return f"{number(value)} s"


def size(value: float) -> str:
    """A number of bytes."""
    return bytes_text(int(value))


FIGURES = (
    Drawn(Figure.REQUESTS, _("Requests per second"), number),
    Drawn(Figure.MESSAGES, _("Messages per minute"), number),
    Drawn(Figure.SYNC_MS, _("Time to answer a sync"), milliseconds),
    Drawn(Figure.FEDERATION_LAG, _("Delay of events from other servers"), seconds),
    Drawn(Figure.SERVERS_BEHIND, _("Servers that are owed something"), number),
    Drawn(Figure.TASKS_WAITING, _("Background tasks that wait"), number),
    Drawn(Figure.POOLS_QUEUED, _("Requests and jobs that wait for a thread"), number),
    Drawn(Figure.POOLS_BUSY, _("Requests and jobs that threads work on"), number),
    Drawn(Figure.PUSH_WAITING, _("Notifications that wait"), number),
    Drawn(Figure.MEMORY, _("Memory"), size),
    Drawn(Figure.DISK_USED, _("Disk used"), size),
    Drawn(Figure.DATABASE, _("Database"), size),
)


def charts(figures: Sequence[Drawn], span: Span) -> list[Chart]:
    """The charts of figures over a span up to now."""
    upto = now_ms()
    since = upto - span.length_ms
    step = max(span.step_ms, span.length_ms // MOST_POINTS)
    found = samples.means(span, [one.figure for one in figures], since, step)
    return [
        chart(one.figure.name.lower(), one.title, found.get(one.figure, []), since, upto, step, one.text)
        for one in figures
    ]
