"""The checks as they run by themselves: every hour, and when somebody asks for it on the page."""

from __future__ import annotations

from typing import Final

from appliance.apart import run_apart
from appliance.config import get_config
from appliance.diagnostics.background import begin
from appliance.diagnostics.changes import tell_changes
from appliance.diagnostics.registry import all_checks
from appliance.diagnostics.stored import run_and_store
from matrix_app.services.alerts import deliver_test
from matrix_app.storage import accounts

# No run of all checks takes as long.
LONGEST_SECONDS: Final = 300.0


def look(wanted: list[str] | None = None) -> None:
    """Run checks in the background, in a process of their own, and tell of what changed."""
    begin(lambda: run_apart("appliance.diagnostics.watch.look_now", wanted, seconds=LONGEST_SECONDS))


def look_now(wanted: list[str] | None = None) -> None:
    """Run checks, also the slow ones where none are named, and tell of what changed."""
    run_and_store(list(all_checks()) if wanted is None else wanted)
    tell_changes()


def look_by_schedule() -> None:
    """Run all checks, unless the settings say otherwise, or nobody is there yet who could mend anything."""
    if get_config().diagnostics.enabled and accounts.any_admin():
        look()


def try_alerts() -> None:
    """Have every channel deliver a test in the background, and keep how it went."""
    begin(_try_alerts)


def _try_alerts() -> None:
    deliver_test()
    run_and_store(["alerts"])
