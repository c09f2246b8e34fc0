"""The support bundle: what is in one, having it made, and fetching it."""

from __future__ import annotations

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse

from admin_ui.page import page
from admin_ui.visit import Visit
from appliance.support import keep
from matrix_app.http.file_answer import FileAnswer, FilePart
from matrix_app.storage import long_tasks


@page("admin")
def overview(visit: Visit) -> HttpResponse:
    """What a bundle tells and what it does not, and the one that was made last."""
    running = long_tasks.unfinished(keep.KIND, 1)
    return visit.page("support/overview", kept=keep.kept(), running=running[0] if running else None)


@page("admin", confirmed=True)
def make(visit: Visit) -> HttpResponse:
    """Have a bundle made."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:support"))
    nid = keep.start(visit.actor, names=visit.form.get("names") == "on")
    return visit.redirect(reverse("admin:task", args=[nid]))


@page("admin", confirmed=True)
def fetch(visit: Visit, name: str) -> HttpResponseBase:
    """The bundle as a file."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:support"))
    file = keep.fetch(visit.actor, name)
    answer = FilePart(file, file.seek(0, 2))
    file.seek(0)
    headers = {
        "Content-Type": "application/gzip",
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return FileAnswer(answer, status=200, headers=headers)
