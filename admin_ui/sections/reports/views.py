"""What users have reported, in its place, and what can be done about it."""

from __future__ import annotations

import json

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.keyset import read_number
from admin_ui.page import page
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.protocol.ids import domain_of
from matrix_app.services import handle_reports
from matrix_app.services.handle_reports import report_of
from matrix_app.storage import interning
from matrix_app.storage import reports as stored
from matrix_app.storage.local_server import local_server_name

COLUMNS = (Column(_("When")), Column(_("What")), Column(_("Reason")), Column(_("By")), Column(_("State")))


@page("admin")
def reports(visit: Visit) -> HttpResponse:
    """The reports that nobody has seen to, or those that somebody has."""
    handled = visit.query("kind") == "handled"
    rows = stored.page(handled=handled, before=read_number(visit.query("after")), limit=PAGE_SIZE + 1)
    table = Table(
        visit, COLUMNS, rows, key=lambda row: row.nid, empty=_("Nobody has reported anything. Good.")
    )
    return visit.page("reports/list", table=table, handled=handled)


@page("admin")
def report(visit: Visit, nid: int) -> HttpResponse:
    """A report, with what was said around it."""
    found = report_of(nid)
    context = handle_reports.context_of(found)
    about = found.reported_user or next((event.sender for event in context if event.is_reported), None)
    is_local = about is not None and domain_of(about) == local_server_name()
    shown = [(event, json.dumps(event.content, indent=2, ensure_ascii=False)) for event in context]
    return visit.page(
        "reports/detail",
        report=found,
        context=shown,
        about=about,
        about_nid=interning.find_user(about) if about and is_local else None,
    )


@page("admin")
def handle(visit: Visit, nid: int) -> HttpResponse:
    """Be done with a report, or open it again."""
    if visit.is_post:
        handle_reports.set_handled(visit.actor, nid, report_of(nid).handled_ts is None)
    return visit.redirect(reverse("admin:reports"), _t("Done.") if visit.is_post else "")


@page("admin", confirmed=True)
def delete(visit: Visit, nid: int) -> HttpResponse:
    """Remove a report."""
    if visit.is_post:
        handle_reports.delete(visit.actor, nid)
    return visit.redirect(
        reverse("admin:reports"), _t("The report has been removed.") if visit.is_post else ""
    )


@page("admin", confirmed=True)
def redact(visit: Visit, nid: int) -> HttpResponse:
    """Redact the reported event."""
    address = reverse("admin:report", args=[nid])
    if not visit.is_post:
        return visit.redirect(address)
    reason = visit.form.get("reason", "")[:500].replace("\0", "")
    handle_reports.redact_reported(visit.actor, visit.requester, report_of(nid), reason)
    return visit.redirect(address, _t("The event has been redacted."))
