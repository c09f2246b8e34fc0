"""The configuration as it holds, the start of all processes anew, and the records of DNS as a file."""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui.keyset import read_number
from admin_ui.page import page
from admin_ui.sections.setup.names import PATIENCE_SECONDS
from admin_ui.sections.setup.snippets import dns_records
from admin_ui.visit import Visit
from appliance.config import get_config
from appliance.config.effective import entries_of
from appliance.config.stored import fixed_keys
from appliance.machine import process_began_ts
from appliance.restart import can_restart
from matrix_app.services.restart_server import restart_server
from matrix_app.storage import settings as stored
from matrix_app.storage.clock import now_ms

# The boot, from which the beginnings of processes are counted, is known by the second.
CLOCK_MS: Final = 1000


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
    return visit.redirect(f"{reverse('admin:settings-restarting')}?since={now_ms()}")


@page("admin")
def restarting(visit: Visit) -> HttpResponse:
    """Wait until a process answers that began after the new start was asked for; the page asks by itself."""
    since, began = read_number(visit.query("since")) or 0, process_began_ts()
    if began is None or began + CLOCK_MS > since:
        return visit.redirect(reverse("admin:settings-effective"), _t("All processes have started anew."))
    late = now_ms() - since > PATIENCE_SECONDS * 1000
    return visit.page("settings/restarting", address=visit.http.get_full_path(), late=late)


@page("admin")
def zone(visit: Visit) -> HttpResponse:
    """The records of DNS as a part of a zone file; what is not known yet is commented out."""
    lines = dns_records(get_config()).splitlines()
    text = "".join(f"{'; ' if '<' in line else ''}{line}\n" for line in lines)
    headers = {"Content-Disposition": 'attachment; filename="hearth.zone"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)
