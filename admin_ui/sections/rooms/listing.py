"""The list of rooms."""

from __future__ import annotations

from typing import NamedTuple

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from admin_ui.chosen_columns import ChosenColumns
from admin_ui.keyset import place_of, read_place
from admin_ui.page import page
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.storage import room_figures, room_list
from matrix_app.storage.room_list import ListedRoom

KINDS = (
    ("all", _("All")),
    ("public", _("Open to all")),
    ("private", _("Not open to all")),
    ("published", _("In the directory")),
    ("encrypted", _("Encrypted")),
    ("spaces", _("Spaces")),
    ("empty", _("Without users of this server")),
    ("blocked", _("Blocked")),
)
COLUMNS = (
    Column(_("Room"), sort="name"),
    Column(_("Kind"), key="kind"),
    Column(_("Members"), sort="members", align="number", key="members"),
    Column(_("Of this server"), sort="local", align="number", key="local"),
    Column(_("Activity"), sort="activity", align="number", key="activity"),
    Column(_("Room version"), key="version", usual=False),
    Column(_("Guests"), key="guests", usual=False),
    Column(_("History"), key="history", usual=False),
    Column(_("State entries"), align="number", key="state", usual=False),
)


class Row(NamedTuple):
    """A room of the list, and how many entries its state has where that is shown."""

    room: ListedRoom
    state_entries: int


class Filter(forms.Form):
    """What the list shows."""

    q = forms.CharField(label=_("Search"), required=False, max_length=255)
    kind = forms.ChoiceField(label=_("Show"), choices=KINDS, required=False)


@page("admin")
def rooms(visit: Visit) -> HttpResponse:
    """All rooms, by what they are and what they are called."""
    kind = visit.query("kind", "all")
    sort = visit.query("sort", "-members")
    kind = kind if kind in room_list.FILTERS else "all"
    sort = sort if sort.removeprefix("-") in room_list.SORTS else "-members"
    search = visit.query("q").strip()
    value = str if sort.endswith("name") else int
    rows = room_list.page(
        kind=kind,
        search=search,
        sort=sort,
        after=read_place(visit.query("after"), value),
        limit=PAGE_SIZE + 1,
    )
    columns = ChosenColumns(visit, "rooms", COLUMNS)
    table = Table(
        visit,
        COLUMNS,
        _with_state(rows, wanted="state" in columns.wanted),
        key=lambda row: place_of(room_list.sort_value(row.room, sort), row.room.nid),
        chosen=columns.wanted,
        sort=sort,
        total=room_list.count(kind=kind, search=search),
        empty=_("There are no such rooms. Rooms appear here when somebody makes or joins them."),
        selectable=True,
    )
    form = Filter({"q": search, "kind": kind}, label_suffix="")
    return columns.remember(visit.page("rooms/list", table=table, form=form, columns=columns))


def _with_state(rows: list[ListedRoom], *, wanted: bool) -> list[Row]:
    counts = room_figures.state_entries([row.nid for row in rows]) if wanted else {}
    return [Row(row, counts.get(row.nid, 0)) for row in rows]
