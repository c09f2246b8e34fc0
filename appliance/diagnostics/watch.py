"""The checks as they run by themselves: every hour, and when somebody asks for it on the page."""

from __future__ import annotations

from appliance.config import get_config
from appliance.diagnostics.background import begin
from appliance.diagnostics.stored import run_and_store


def look(wanted: list[str] | None = None) -> None:
    """Run checks in the background, and tell of what changed."""
    begin(lambda: look_now(wanted))


def look_now(wanted: list[str] | None = None) -> None:
    """Run checks, and tell of what changed."""
    run_and_store(wanted)


def look_by_schedule() -> None:
    """Run all checks, unless the settings say otherwise."""
    if get_config().diagnostics.enabled:
        look()
