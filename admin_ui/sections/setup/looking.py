"""Checks that a step of the setup runs beside the requests, and shows as they end, also without scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui.sections.checks.views import GROUPS, Shown, ShownGroup
from admin_ui.visit import Visit
from appliance.diagnostics import background
from appliance.diagnostics.registry import all_checks
from appliance.diagnostics.stored import run_and_store
from matrix_app.services import setup
from matrix_app.storage import check_results
from matrix_app.storage.clock import now_ms

# A run that has not ended after this was lost; its page no longer waits.
_LONGEST_MS: Final = 180_000


class Found(NamedTuple):
    """What the checks of a step have found since they were begun (0: never)."""

    began: int
    groups: list[ShownGroup]
    rows_address: str

    @property
    def is_running(self) -> bool:
        """Whether some of them are still under way."""
        waiting = any(shown.row is None for group in self.groups for shown in group.checks)
        return bool(self.began) and waiting and now_ms() - self.began < _LONGEST_MS

    @property
    def has_passed(self) -> bool:
        """Whether every check was run, and none found an error."""
        every = [shown.row for group in self.groups for shown in group.checks]
        return bool(self.began) and all(row is not None and row.status != "error" for row in every)


class Looking(NamedTuple):
    """The checks of a step, and under which key the setup remembers when they were begun."""

    step: str
    key: str
    wanted: Callable[[], list[str]]

    def found(self) -> Found:
        """What was found; a check that has not been run since shows nothing yet."""
        began = setup.began(self.key)
        rows, known = check_results.all_rows(), all_checks()
        groups: dict[str, list[Shown]] = {}
        for id in self.wanted():
            row = rows.get(id)
            fresh = row if began and row is not None and row.checked_ts >= began else None
            groups.setdefault(known[id].group, []).append(Shown(known[id], fresh))
        shown = [ShownGroup(name, GROUPS.get(name, name), "", checks) for name, checks in groups.items()]
        return Found(began, shown, reverse(f"setup:{self.step}-rows"))

    def run(self, visit: Visit) -> HttpResponse:
        """Run the checks beside the requests."""
        if visit.is_post:
            now = now_ms()
            if background.begin(self._look) is None:
                return self._later(visit)
            setup.remember(**{self.key: now})
            if visit.is_partial:
                return self.rows(visit)
        return visit.redirect(reverse(f"setup:{self.step}"))

    def rows(self, visit: Visit) -> HttpResponse:
        """What the checks have found so far."""
        found = self.found()
        response = visit.page("setup/check_rows", found=found)
        if not found.is_running:  # the button below depends on what was found
            response.headers["HX-Refresh"] = "true"
        return response

    def _look(self) -> None:
        run_and_store(self.wanted())

    def _later(self, visit: Visit) -> HttpResponse:
        """Another run has the checks, such as that of every hour, which began before the visitor asked."""
        address = reverse(f"setup:{self.step}")
        return visit.redirect(address, _t("The checks are running already. Try again in a moment."), "warn")
