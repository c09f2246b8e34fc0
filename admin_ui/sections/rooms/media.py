"""The media that a room shows."""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from admin_ui.keyset import place_of, read_place
from admin_ui.page import page
from admin_ui.sections.rooms.detail import found_room
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.services import quarantine_media
from matrix_app.services.administer_room import room_of
from matrix_app.services.room_media import latest_media

COLUMNS: Final = (Column(_("File")), Column(_("Server")), Column(_("Sent")), Column(_("By")))


@page("admin")
def media(visit: Visit, nid: int) -> HttpResponse:
    """The media that events of a room name, the latest first; those of encrypted events cannot be known."""
    room = found_room(nid)
    found = latest_media(room_of(room.room_id), read_place(visit.query("after"), int), PAGE_SIZE)
    empty = _("These messages show no media, or only encrypted ones.")
    if found.before is None and not visit.query("after"):
        empty = _("The room shows no media, or only encrypted ones.")
    following = "" if found.before is None else place_of(*found.before)
    size = max(PAGE_SIZE, len(found.shown))
    table = Table(visit, COLUMNS, found.shown, size=size, empty=empty, following=following)
    return visit.page("rooms/media", room=room, tab="media", table=table)


@page("admin", confirmed=True)
def quarantine(visit: Visit, nid: int) -> HttpResponse:
    """Serve nothing of what a room shows to anybody any more."""
    room, address = found_room(nid), reverse("admin:room-media", args=[nid])
    if not visit.is_post:
        return visit.redirect(address)
    count = quarantine_media.quarantine_of_room(visit.actor, room_of(room.room_id))
    message = ngettext("%d file is in quarantine.", "%d files are in quarantine.", count)
    return visit.redirect(
        address, message % count if count else _t("There was nothing to put into quarantine.")
    )
