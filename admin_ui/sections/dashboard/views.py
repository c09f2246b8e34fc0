"""How the server is, at a glance."""

from __future__ import annotations

import shutil

from django.http import HttpResponse

from admin_ui.page import page
from admin_ui.sections.graphs.figures import FIGURES, charts
from admin_ui.visit import Visit
from appliance.config import get_config
from appliance.diagnostics.registry import all_checks
from appliance.metrics.forecast import disk_full_in_days
from appliance.metrics.sampling import Figure
from appliance.version import VERSION
from matrix_app.services.newer_release import newer_release
from matrix_app.storage import account_list, check_mutes, check_results, long_tasks, room_list, samples
from matrix_app.storage.check_results import CheckRow
from matrix_app.storage.clock import now_ms

SHOWN = (Figure.REQUESTS, Figure.MESSAGES, Figure.SYNC_MS)
MOST_CONCERNS = 8


@page("admin")
def dashboard(visit: Visit) -> HttpResponse:
    """The figures that an owner asks for first, and what needs attention."""
    folder = get_config().server.data_dir
    return visit.page(
        "dashboard/dashboard",
        concerns=_concerns(),
        users=account_list.count(kind="active"),
        rooms=room_list.count(kind="all"),
        messages=_messages_of_a_day(),
        disk=shutil.disk_usage(folder) if folder.exists() else None,
        full_in=disk_full_in_days(),
        memory=samples.latest(Figure.MEMORY),
        tasks=long_tasks.unfinished(),
        charts=charts([one for one in FIGURES if one.figure in SHOWN], samples.DAY),
        version=VERSION,
        newer=newer_release(),
    )


def _concerns() -> list[tuple[str, CheckRow]]:
    """What does not work, and then what somebody should look at, by the titles of their checks."""
    known = all_checks()
    muted = check_mutes.present(now_ms())
    rows = check_results.all_rows().values()
    bad = [row for row in rows if row.status in ("error", "warn") and row.id not in muted]
    bad.sort(key=lambda row: (row.status, row.since_ts))
    return [(known[row.id].title if row.id in known else row.id, row) for row in bad[:MOST_CONCERNS]]


def _messages_of_a_day() -> int:
    """What was sent in the last day, from the samples of each minute."""
    points = samples.series(samples.DAY, Figure.MESSAGES, now_ms() - samples.DAY.length_ms)
    return round(sum(value for _, value in points))
