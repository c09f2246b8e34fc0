"""The audit log: who did what to what."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from admin_ui.keyset import read_number
from admin_ui.page import page
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.storage import audit

COLUMNS = (
    Column(_("When")),
    Column(_("Who")),
    Column(_("Action")),
    Column(_("Target")),
    Column(_("Details")),
)


@page("admin")
def entries(visit: Visit) -> HttpResponse:
    """The entries, the newest first, of one action or one target where the address names them."""
    action, target = visit.query("action"), visit.query("target").strip()
    before = read_number(visit.query("after"))
    rows = audit.page(before=before, limit=PAGE_SIZE + 1, action=action, target=target)
    table = Table(
        visit, COLUMNS, rows, key=lambda row: row.nid, empty=_("Nothing has been written down yet.")
    )
    return visit.page("audit/list", table=table, actions=audit.actions(), action=action, target=target)
