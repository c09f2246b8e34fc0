"""Long tasks: what is at work, how far it is, and what came of it."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.keyset import read_number
from admin_ui.page import page
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.protocol.errors import NotFound
from matrix_app.services import long_tasks
from matrix_app.storage import interning, task_lines
from matrix_app.storage import long_tasks as stored
from matrix_app.storage.task_lines import MOST_LINES

COLUMNS = (Column(_("Task")), Column(_("State")), Column(_("Progress")), Column(_("Begun")))


@page("admin")
def tasks(visit: Visit) -> HttpResponse:
    """All tasks, the newest first."""
    rows = stored.page(before=read_number(visit.query("after")), limit=PAGE_SIZE + 1)
    empty = _("No long work has been done yet: backups, deletions of rooms and imports are seen here.")
    return visit.page("tasks/list", table=Table(visit, COLUMNS, rows, key=lambda row: row.nid, empty=empty))


@page("admin")
def task(visit: Visit, nid: int) -> HttpResponse:
    """A task; while it is at work, the page refreshes its state."""
    row = stored.find(nid)
    if row is None:
        raise NotFound(_t("There is no such task"))
    actor = None if row.actor_nid is None else interning.user_id_of(row.actor_nid)
    template = "tasks/state" if visit.is_partial else "tasks/detail"
    lines = task_lines.newest(nid, MOST_LINES)
    return visit.page(template, task=row, actor=actor, lines=lines, is_cut=len(lines) == MOST_LINES)


@page("admin")
def cancel(visit: Visit, nid: int) -> HttpResponse:
    """Ask for the end of a task."""
    if visit.is_post:
        long_tasks.cancel(nid, visit.actor)
    return visit.redirect(
        reverse("admin:task", args=[nid]),
        _t("The task ends after its present step.") if visit.is_post else "",
    )
