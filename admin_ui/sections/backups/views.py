"""Backups: what there is, how old and how sound; making, verifying, fetching and removing them."""

from __future__ import annotations

import re

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.page import page
from admin_ui.tables import Column, Table
from admin_ui.visit import Visit
from appliance.backup import keeping, keys, kit, places, task
from appliance.backup.remote.state import read_state
from appliance.backup.remote.store import remote_title
from appliance.config import get_config
from appliance.version import VERSION
from matrix_app.http.file_answer import FileAnswer, FilePart

COLUMNS = (
    Column(_("Backup")),
    Column(_("Age")),
    Column(_("Size"), align="number"),
    Column(_("Media"), align="number"),
    Column(_("Verified")),
    Column(_("Place")),
)


@page("admin")
def overview(visit: Visit) -> HttpResponse:
    """All backups, the newest first, and what to keep for an emergency."""
    rows = places.known_backups()
    empty = _("There are no backups yet. The first is made by itself, or now.")
    table = Table(visit, COLUMNS, rows, size=max(1, len(rows)), empty=empty)
    seal = keys.present_seal()
    return visit.page(
        "backups/list", table=table, config=get_config(), version=VERSION, seal=seal,
        kit_ts=kit.handed_out_ts() if seal else None, elsewhere=remote_title(),
        state=read_state(remote_title()),
    )  # fmt: skip


@page("admin", confirmed=True)
def fetch_kit(visit: Visit) -> HttpResponse:
    """The emergency kit as a file, once for each key."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:backups"))
    return kit_file(kit.fetch_once(visit.actor))


def kit_file(text: str) -> HttpResponse:
    """A kit as a file to keep."""
    name = re.sub(r"[^A-Za-z0-9.-]", "-", get_config().server.name)
    headers = {"Content-Disposition": f'attachment; filename="hearth-kit-{name}.txt"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


@page("admin")
def detail(visit: Visit, name: str) -> HttpResponse:
    """What is in a backup, and what was found wrong with it."""
    known = places.known_backup(name)
    template = "backups/detail" if known.here else "backups/copy"
    return visit.page(template, row=known.here, known=known, elsewhere=remote_title())


@page("admin")
def make(visit: Visit) -> HttpResponse:
    """Have a backup made."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:backups"))
    return visit.redirect(reverse("admin:task", args=[task.start_backup(visit.actor)]))


@page("admin")
def verify(visit: Visit, name: str) -> HttpResponse:
    """Have a backup verified."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:backup", args=[name]))
    return visit.redirect(reverse("admin:task", args=[task.start_verification(visit.actor, name)]))


@page("admin", confirmed=True)
def remove(visit: Visit, name: str) -> HttpResponse:
    """Remove a backup."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:backup", args=[name]))
    visit.require_typed(name)
    keeping.remove(visit.actor, name)
    return visit.redirect(reverse("admin:backups"), _t("The backup has been removed."))


@page("admin", confirmed=True)
def download(visit: Visit, name: str) -> HttpResponseBase:
    """A whole backup as one file, with its media: the setup of a new machine takes it again."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:backup", args=[name]))
    file = keeping.open_whole(visit.actor, name)
    headers = {
        "Content-Type": "application/x-tar",
        "Content-Disposition": f'attachment; filename="hearth-{name}.tar"',
    }
    return FileAnswer(FilePart(file, file.size), status=200, headers=headers)


@page("admin", confirmed=True)
def fetch(visit: Visit, name: str, part: str) -> HttpResponseBase:
    """A file of a backup. Who has it has the server's keys: the password is asked for."""
    if not visit.is_post:
        return visit.redirect(reverse("admin:backup", args=[name]))
    file = keeping.open_part(visit.actor, name, part)
    answer = FilePart(file, file.seek(0, 2))
    file.seek(0)
    headers = {
        "Content-Type": "application/octet-stream",
        "Content-Disposition": f'attachment; filename="{name}-{part}"',
    }
    return FileAnswer(answer, status=200, headers=headers)
