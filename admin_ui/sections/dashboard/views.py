"""How the server is, at a glance."""

from __future__ import annotations

from django.http import HttpResponse

from admin_ui.page import page
from admin_ui.visit import Visit
from appliance.version import VERSION
from matrix_app.storage import account_list, long_tasks


@page("admin")
def dashboard(visit: Visit) -> HttpResponse:
    """The figures that an owner asks for first."""
    return visit.page(
        "dashboard/dashboard",
        users=account_list.count(kind="active"),
        tasks=long_tasks.unfinished(),
        version=VERSION,
    )
