"""How the server is, at a glance."""

from __future__ import annotations

import shutil
from typing import NamedTuple

from django.http import HttpResponse

from admin_ui.page import page
from admin_ui.sections.graphs.figures import FIGURES, charts
from admin_ui.visit import Visit
from appliance import machine
from appliance.backup.layout import latest_ts
from appliance.config import get_config
from appliance.diagnostics.registry import all_checks
from appliance.diagnostics.result import Status
from appliance.metrics.forecast import disk_full_in_days
from appliance.metrics.sampling import Figure
from appliance.version import VERSION
from matrix_app.services.newer_release import newer_release
from matrix_app.storage import (
    account_list,
    check_mutes,
    check_results,
    destination_list,
    long_tasks,
    room_list,
    samples,
)
from matrix_app.storage.check_results import CheckRow
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name

SHOWN = (Figure.REQUESTS, Figure.MESSAGES, Figure.SYNC_MS)
MOST_CONCERNS = 8
BAD = ("error", "warn")
WEEK_MS = 7 * 86_400_000


# What else has to run, by the check that tells whether it does.
PARTS = (
    "database.connect",
    "work.schedule",
    "client.versions",
    "federation.roundtrip",
    "turn.udp",
    "mail.smtp",
    "push.gateway",
)


class Part(NamedTuple):
    """Something that has to run: the check that looks at it, its title, and what that found."""

    id: str
    title: str
    status: str


class Health(NamedTuple):
    """What the checks found last: what needs attention, with titles, and how much is fine."""

    concerns: list[tuple[str, CheckRow]]
    more: int
    fine: int
    latest_ts: int | None


@page("admin")
def dashboard(visit: Visit) -> HttpResponse:
    """The figures that an owner asks for first, and what needs attention."""
    config, local = get_config(), local_server_name()
    folder = config.server.data_dir
    return visit.page(
        "dashboard/dashboard",
        health=_health(),
        users=account_list.count(kind="active"),
        active=account_list.count_active_since(now_ms() - WEEK_MS),
        servers=destination_list.count(local, kind="all"),
        failing=destination_list.count(local, kind="failing"),
        backup_ts=latest_ts(config.backup.dir),
        rooms=room_list.count(kind="all"),
        messages=_messages_of_a_day(),
        disk=shutil.disk_usage(folder) if folder.exists() else None,
        full_in=disk_full_in_days(),
        memory=samples.latest(Figure.MEMORY),
        tasks=long_tasks.unfinished(),
        parts=_parts(),
        began_ts=machine.process_began_ts(),
        load=machine.load(),
        machine_memory=machine.memory(),
        now_ts=now_ms(),
        charts=charts([one for one in FIGURES if one.figure in SHOWN], samples.DAY),
        version=VERSION,
        newer=newer_release(),
    )


def _health() -> Health:
    """What does not work, then what somebody should look at, and how many checks found nothing wrong."""
    known, muted = all_checks(), check_mutes.present(now_ms())
    rows = list(check_results.all_rows().values())
    bad = [row for row in rows if row.status in BAD and row.id not in muted]
    bad.sort(key=lambda row: (row.status, row.since_ts))
    titled = [(known[row.id].title if row.id in known else row.id, row) for row in bad[:MOST_CONCERNS]]
    fine = sum(row.status == "ok" for row in rows)
    return Health(titled, len(bad) - len(titled), fine, max((row.checked_ts for row in rows), default=None))


def _parts() -> list[Part]:
    """What was looked at, as it was found; what is not set up here is left out."""
    known, rows = all_checks(), check_results.all_rows()
    found = [(known[id], rows[id]) for id in PARTS if id in rows]
    return [Part(one.id, one.title, row.status) for one, row in found if row.status != Status.SKIPPED]


def _messages_of_a_day() -> int:
    """What was sent in the last day, from the samples of each minute."""
    points = samples.series(samples.DAY, Figure.MESSAGES, now_ms() - samples.DAY.length_ms)
    return round(sum(value for _, value in points))
