"""A room: what it is and weighs, who is in it, and its state."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.keyset import read_number
from admin_ui.page import page
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.errors import NotFound
from matrix_app.storage import aliases, audit, room_figures, room_list, summaries
from matrix_app.storage import members as stored_members
from matrix_app.storage.room_list import ListedRoom

MEMBER_COLUMNS = (Column(_("User")), Column(_("Membership")), Column(_("Server")))
STATE_COLUMNS = (Column(_("Type")), Column(_("Key")), Column(_("Content")))


def found_room(nid: int) -> ListedRoom:
    """The room of an address; raises `NotFound`."""
    room = room_list.find(nid)
    if room is None:
        raise NotFound(_t("There is no such room"))
    return room


def _shown(visit: Visit, template: str, room: ListedRoom, tab: str, **values: Any) -> HttpResponse:
    return visit.page(f"rooms/{template}", room=room, tab=tab, **values)


@page("admin")
def overview(visit: Visit, nid: int) -> HttpResponse:
    """What is known of a room, and what can be done with it."""
    room = found_room(nid)
    return _shown(
        visit,
        "overview",
        room,
        "overview",
        summary=summaries.get(nid),
        aliases=aliases.of_room(nid),
        figures=room_figures.figures(nid),
        servers=stored_members.count_servers(nid),
        history=audit.page(before=None, limit=10, target=room.room_id),
    )


@page("admin")
def members(visit: Visit, nid: int) -> HttpResponse:
    """Who is in a room."""
    local = visit.query("local") == "1"
    rows = room_figures.members(nid, after=visit.query("after"), local=local, limit=PAGE_SIZE + 1)
    table = Table(
        visit, MEMBER_COLUMNS, rows, key=lambda row: row.user_id, empty=_("Nobody is in this room.")
    )
    return _shown(visit, "members", found_room(nid), "members", table=table, local=local)


@page("admin")
def state(visit: Visit, nid: int) -> HttpResponse:
    """The state of a room, without its members."""
    after = read_number(visit.query("after")) or 0
    rows = room_figures.state(nid, after=after, limit=PAGE_SIZE + 1)
    shown = [
        {"nid": row.nid, "type": row.type, "state_key": row.state_key, "content": _content(row.json)}
        for row in rows
    ]
    table = Table(
        visit, STATE_COLUMNS, shown, key=lambda row: row["nid"], empty=_("The room has no state here.")
    )
    return _shown(visit, "state", found_room(nid), "state", table=table)


def _content(stored: bytes) -> str:
    return json.dumps(decode_json(stored).get("content"), indent=2, ensure_ascii=False)
