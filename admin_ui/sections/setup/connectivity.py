"""Whether clients and other servers find this one: checks, and texts for DNS and the proxy."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui.page import page
from admin_ui.sections.checks.views import GROUPS, Shown, ShownGroup
from admin_ui.sections.setup import snippets
from admin_ui.sections.setup.steps import go_on, show, step
from admin_ui.visit import Visit
from appliance.config import get_config
from appliance.diagnostics import background
from appliance.diagnostics.registry import all_checks
from appliance.diagnostics.stored import run_and_store
from matrix_app.services import setup
from matrix_app.storage import check_results
from matrix_app.storage.clock import now_ms

# What has nothing to do with being reached, or comes later in the setup.
_OTHER_GROUPS: Final = (
    "alerts",
    "backup",
    "bridges",
    "database",
    "endtoend",
    "machine",
    "mail",
    "media",
    "push",
    "rtc",
    "security",
    "turn",
    "work",
)
_LATER: Final = ("configuration.owner", "configuration.contact", "wellknown.support")
# A run that has not ended after this was lost; its page no longer waits.
_LONGEST_MS: Final = 180_000


def wanted_checks() -> list[str]:
    """The IDs of the checks that say whether the server is reached."""
    return [
        check.id
        for check in all_checks().values()
        if check.group not in _OTHER_GROUPS and check.id not in _LATER and not check.is_slow
    ]


def _groups(began: int) -> list[ShownGroup]:
    """What the checks found; a check that has not been run since `began` shows nothing yet."""
    rows, known = check_results.all_rows(), all_checks()
    found: dict[str, list[Shown]] = {}
    for id in wanted_checks():
        row = rows.get(id)
        fresh = row if row is not None and row.checked_ts >= began else None
        found.setdefault(known[id].group, []).append(Shown(known[id], fresh))
    return [ShownGroup(name, GROUPS.get(name, name), "", checks) for name, checks in found.items()]


def _is_under_way(groups: list[ShownGroup], began: int) -> bool:
    waiting = any(shown.row is None for group in groups for shown in group.checks)
    return bool(began) and waiting and now_ms() - began < _LONGEST_MS


def _has_passed(groups: list[ShownGroup]) -> bool:
    """Whether every check was run, and none found an error."""
    return all(
        shown.row is not None and shown.row.status != "error" for group in groups for shown in group.checks
    )


def is_packaged() -> bool:
    """Whether Debian's package runs here, which can set the proxy up by itself."""
    return Path(__file__).is_relative_to("/usr/lib/hearth")


@step("connectivity")
def connectivity(visit: Visit) -> HttpResponse:
    """The checks and the texts to copy; going on with errors needs the server's name to be typed."""
    began = setup.checks_began()
    groups = _groups(began)
    passed = bool(began) and _has_passed(groups)
    if visit.is_post:
        if not passed:
            visit.require_typed(get_config().server.name)
        return go_on(visit, "connectivity")
    return show(
        visit, "connectivity", groups=groups, began=began, passed=passed,
        snippets=snippets.all_of(get_config()), running=_is_under_way(groups, began),
        server=get_config().server.name, is_packaged=is_packaged(),
    )  # fmt: skip


@step("connectivity")
def run(visit: Visit) -> HttpResponse:
    """Run the checks beside the requests; the page shows each as it ends, with and without scripts."""
    if visit.is_post:
        now = now_ms()
        if background.begin(_look) is None:
            return _later(visit)
        setup.remember(checks_began=now)
        if visit.is_partial:
            return _rows(visit)
    return visit.redirect(reverse("setup:connectivity"))


def _later(visit: Visit) -> HttpResponse:
    """Another run has the checks, such as that of every hour, which began before the visitor asked."""
    address = reverse("setup:connectivity")
    response = visit.redirect(address, _t("The checks are running already. Try again in a moment."), "warn")
    if visit.is_partial:
        response.status_code = 204
        response.headers["HX-Redirect"] = address
    return response


def _look() -> None:
    run_and_store(wanted_checks())


@page("setup")
def rows(visit: Visit) -> HttpResponse:
    """What the checks have found so far."""
    return _rows(visit)


def _rows(visit: Visit) -> HttpResponse:
    began = setup.checks_began()
    groups = _groups(began)
    running = _is_under_way(groups, began)
    response = visit.page("setup/check_rows", groups=groups, running=running)
    if not running:  # the button below depends on what was found
        response.headers["HX-Refresh"] = "true"
    return response
