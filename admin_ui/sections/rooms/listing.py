"""The list of rooms."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _

from admin_ui.keyset import place_of, read_place
from admin_ui.page import page
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.storage import room_list

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
    Column(_("Kind")),
    Column(_("Members"), sort="members", align="number"),
    Column(_("Of this server"), sort="local", align="number"),
    Column(_("Activity"), sort="activity", align="number"),
)


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
    table = Table(
        visit,
        COLUMNS,
        rows,
        key=lambda row: place_of(room_list.sort_value(row, sort), row.nid),
        sort=sort,
        total=room_list.count(kind=kind, search=search),
        empty=_("There are no such rooms. Rooms appear here when somebody makes or joins them."),
        selectable=True,
    )
    return visit.page("rooms/list", table=table, form=Filter({"q": search, "kind": kind}, label_suffix=""))
