"""What the checks found, group by group, the worst first; and looking again."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.page import page
from admin_ui.visit import Visit
from appliance.diagnostics.registry import Check, all_checks
from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.services import audit
from matrix_app.services.alerts import channels
from matrix_app.services.background import run_later
from matrix_app.storage import check_mutes, check_results
from matrix_app.storage.check_mutes import MuteRow
from matrix_app.storage.check_results import CheckRow
from matrix_app.storage.clock import now_ms

GROUPS: dict[str, Promise | str] = {
    "configuration": _("Configuration"),
    "database": _("Database"),
    "machine": _("Machine"),
    "security": _("Security"),
    "work": _("Background work"),
    "names": _("Names (DNS)"),
    "wellknown": _("Discovery (.well-known)"),
    "tls": _("Certificates"),
    "ports": _("Ports"),
    "client": _("Clients"),
    "proxy": _("Proxy"),
    "federation": _("Federation"),
    "endtoend": _("End to end"),
    "media": _("Media"),
    "mail": _("Mail"),
    "push": _("Notifications"),
    "turn": _("Calls (TURN)"),
    "rtc": _("Calls (conferences)"),
    "alerts": _("Alerts"),
    "backup": _("Backups"),
}
_ORDER = ("error", "warn", "unknown", "info", "ok", "skipped")


class Shown(NamedTuple):
    """A check, and what it found last."""

    check: Check
    row: CheckRow | None
    mute: MuteRow | None = None


class ShownGroup(NamedTuple):
    """The checks of a group."""

    name: str
    title: Promise | str
    worst: str
    checks: list[Shown]


def groups() -> list[ShownGroup]:
    """The checks by group, those first that need somebody's attention."""
    rows, muted = check_results.all_rows(), check_mutes.present(now_ms())
    found: dict[str, list[Shown]] = {}
    for check in all_checks().values():
        found.setdefault(check.group, []).append(Shown(check, rows.get(check.id), muted.get(check.id)))
    shown = [
        ShownGroup(name, GROUPS.get(name, name), _worst(checks), checks) for name, checks in found.items()
    ]
    return sorted(shown, key=lambda group: _ORDER.index(group.worst))


def _worst(checks: list[Shown]) -> str:
    statuses = [shown.row.status for shown in checks if shown.row is not None and shown.mute is None]
    return min(statuses, key=_ORDER.index, default="skipped")


@page("admin")
def checks(visit: Visit) -> HttpResponse:
    """What was found last."""
    shown = groups()
    latest = max((one.row.checked_ts for group in shown for one in group.checks if one.row), default=None)
    return visit.page("checks/list", groups=shown, latest=latest)


@page("admin")
def run(visit: Visit) -> HttpResponse:
    """Look again, at everything or at one group."""
    group = visit.form.get("group", "")
    if visit.is_post:
        if group and group not in {check.group for check in all_checks().values()}:
            raise NotFound(_t("There is no such group"))
        audit.record(visit.actor, "checks.run", group)
        run_later("run_checks", group or "all")
    return visit.redirect(
        reverse("admin:checks"), _t("The checks run now. What they find is here in a few seconds.")
    )


@page("admin")
def try_alerts(visit: Visit) -> HttpResponse:
    """Have every way of telling administrators deliver a test."""
    address = reverse("admin:checks")
    if not visit.is_post:
        return visit.redirect(address)
    if not channels():
        raise InvalidParam(
            _t("Nobody is told of alerts: set a mail address, a webhook or Matrix in the settings")
        )
    audit.record(visit.actor, "alerts.test")
    run_later("try_alerts")
    return visit.redirect(address, _t("A test is on its way. How it went is here in a few seconds."))
