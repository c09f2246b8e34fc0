"""Whether clients and other servers find this one: checks, and texts for DNS and the proxy."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from django.http import HttpResponse

from admin_ui.page import page
from admin_ui.sections.setup import snippets
from admin_ui.sections.setup.looking import Looking
from admin_ui.sections.setup.steps import go_on, show, step
from admin_ui.visit import Visit
from appliance.config import get_config
from appliance.diagnostics.registry import all_checks

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
_LATER: Final = ("configuration.owner", "configuration.contact", "configuration.release", "wellknown.support")


def wanted_checks() -> list[str]:
    """The IDs of the checks that say whether the server is reached."""
    return [
        check.id
        for check in all_checks().values()
        if check.group not in _OTHER_GROUPS and check.id not in _LATER and not check.is_slow
    ]


def is_packaged() -> bool:
    """Whether Debian's package runs here, which can set the proxy up by itself."""
    return Path(__file__).is_relative_to("/usr/lib/hearth")


LOOKING: Final = Looking("connectivity", "checks_began", wanted_checks)


@step("connectivity")
def connectivity(visit: Visit) -> HttpResponse:
    """The checks and the texts to copy; going on with errors needs the server's name to be typed."""
    found = LOOKING.found()
    if visit.is_post:
        if not found.has_passed:
            visit.require_typed(get_config().server.name)
        return go_on(visit, "connectivity")
    return show(
        visit, "connectivity", found=found, snippets=snippets.all_of(get_config()),
        server=get_config().server.name, is_packaged=is_packaged(),
    )  # fmt: skip


@step("connectivity")
def run(visit: Visit) -> HttpResponse:
    """Run the checks; the page shows each as it ends."""
    return LOOKING.run(visit)


@page("setup")
def rows(visit: Visit) -> HttpResponse:
    """What the checks have found so far."""
    return LOOKING.rows(visit)
