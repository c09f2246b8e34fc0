"""How a room hangs together: the rooms below a space, and the ends of a history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from admin_ui.keyset import read_number
from admin_ui.page import page
from admin_ui.sections.rooms.detail import found_room
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.services.administer_room import room_of
from matrix_app.services.read_any_room import Below, walk_below
from matrix_app.services.space_children import SPACE
from matrix_app.storage import room_figures, rooms
from matrix_app.storage.rooms import RoomIdentity

SPACE_COLUMNS: Final = (Column(_("Room")), Column(_("Members"), align="number"))
END_COLUMNS: Final = (
    Column(_("Event")),
    Column(_("Type")),
    Column(_("Sent")),
    Column(_("Depth"), align="number"),
)
# Deeper trees are cut off.
DEEPEST: Final = 8


@page("admin")
def space(visit: Visit, nid: int) -> HttpResponse:
    """The rooms below a space, level by level, as far as they are known here."""
    room = found_room(nid)
    start = read_number(visit.query("after")) or 0
    found, more = walk_below(
        visit.requester, room_of(room.room_id), max_depth=DEEPEST, start=start, limit=PAGE_SIZE
    )
    known = rooms.find_many([entry.body["room_id"] for entry in found])
    rows = [_row(entry, known, start + number) for number, entry in enumerate(found, 1)]
    # One row more, which is not shown, says that there is another page.
    table = Table(
        visit,
        SPACE_COLUMNS,
        [*rows, rows[-1]] if more and rows else rows,
        key=lambda row: row["number"],
        size=PAGE_SIZE if more else max(1, len(rows)),
        empty=_("There is no room below this one."),
    )
    return visit.page("rooms/space", room=room, tab="space", table=table)


def _row(entry: Below, known: Mapping[str, RoomIdentity], number: int) -> dict[str, Any]:
    body, room_id = entry.body, entry.body["room_id"]
    return {
        "number": number,
        "levels": range(entry.depth),
        "nid": known[room_id].nid if room_id in known else None,
        "title": body.get("name") or body.get("canonical_alias") or room_id,
        "is_space": body.get("room_type") == SPACE,
        "members": body["num_joined_members"],
    }


@page("admin")
def ends(visit: Visit, nid: int) -> HttpResponse:
    """The forward extremities of a room."""
    room = found_room(nid)
    found = room_figures.extremities(nid)
    table = Table(visit, END_COLUMNS, found, size=max(1, len(found)), empty=_("The room has no events here."))
    return visit.page(
        "rooms/ends", room=room, tab="ends", table=table, count=room_figures.figures(nid).forward_extremities
    )
