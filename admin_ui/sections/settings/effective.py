"""The configuration as it holds, the start of all processes anew, and the records of DNS as a file."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui.page import page
from admin_ui.sections.setup.snippets import dns_records
from admin_ui.visit import Visit
from appliance.config import get_config
from appliance.config.effective import entries_of
from appliance.config.stored import fixed_keys
from appliance.restart import can_restart
from matrix_app.services.restart_server import restart_server
from matrix_app.storage import settings as stored


@page("admin")
def effective(visit: Visit) -> HttpResponse:
    """Every key with what it says, who said so, and no secret."""
    fixed, changed = fixed_keys(), stored.all_values()
    rows = [
        (entry, "fixed" if entry.name in fixed else "page" if entry.name in changed else "")
        for entry in entries_of(get_config())
    ]
    return visit.page("settings/effective", rows=rows, can_restart=can_restart())


@page("admin", confirmed=True)
def restart(visit: Visit) -> HttpResponse:
    """Start all processes anew; who connects meanwhile waits."""
    address = reverse("admin:settings-effective")
    if not visit.is_post:
        return visit.redirect(address)
    restart_server(visit.actor)
    return visit.redirect(address, _t("All processes start anew. That takes some seconds."))


@page("admin")
def zone(visit: Visit) -> HttpResponse:
    """The records of DNS as a part of a zone file; what is not known yet is commented out."""
    lines = dns_records(get_config()).splitlines()
    text = "".join(f"{'; ' if '<' in line else ''}{line}\n" for line in lines)
    headers = {"Content-Disposition": 'attachment; filename="hearth.zone"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)
