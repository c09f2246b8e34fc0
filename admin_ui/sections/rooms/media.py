"""The media that a room shows."""

from __future__ import annotations

from typing import Final

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from admin_ui.page import page
from admin_ui.sections.rooms.detail import found_room
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.services import list_media, quarantine_media
from matrix_app.services.administer_room import room_of

COLUMNS: Final = (Column(_("File")), Column(_("Server")))


@page("admin")
def media(visit: Visit, nid: int) -> HttpResponse:
    """The media that events of a room name, by address; those of encrypted events cannot be known."""
    room = found_room(nid)
    found = list_media.of_room(room_of(room.room_id))
    after = visit.query("after")
    rows = [mxc for mxc in sorted([*found.local, *found.remote]) if str(mxc) > after]
    table = Table(
        visit,
        COLUMNS,
        rows[: PAGE_SIZE + 1],
        key=str,
        total=len(found.local) + len(found.remote),
        empty=_("The room shows no media, or only encrypted ones."),
    )
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
