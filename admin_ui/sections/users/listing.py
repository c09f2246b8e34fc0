"""The list of accounts."""

from __future__ import annotations

from dataclasses import dataclass

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from admin_ui.chosen_columns import ChosenColumns
from admin_ui.keyset import place_of, read_place
from admin_ui.page import page
from admin_ui.sections.users.picture import pictures_of
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.protocol.ids import Mxc
from matrix_app.storage import account_list, threepids
from matrix_app.storage.account_list import ListedAccount

KINDS = (
    ("active", _("In use")),
    ("admins", _("Administrators")),
    ("locked", _("Locked")),
    ("suspended", _("Suspended")),
    ("guests", _("Guests")),
    ("bridged", _("Of bridges")),
    ("deactivated", _("Deactivated")),
    ("all", _("All")),
)
COLUMNS = (
    Column(_("User"), sort="name"),
    Column(_("Status"), key="status"),
    Column(_("Made"), sort="created", key="made"),
    Column(_("Last active"), sort="active", key="active"),
    Column(_("Mail addresses"), key="addresses", usual=False),
    Column(_("Bridge"), key="bridge", usual=False),
)


@dataclass(frozen=True, slots=True)
class Row:
    """An account of the list, its mail addresses where they are shown, and its picture where it is here."""

    account: ListedAccount
    addresses: list[str]
    picture: Mxc | None

    @property
    def letter(self) -> str:
        """What stands where there is no picture."""
        return (self.account.display_name or self.account.user_id).lstrip("@ ")[:1].upper()


class Filter(forms.Form):
    """What the list shows."""

    q = forms.CharField(label=_("Search"), required=False, max_length=255)
    kind = forms.ChoiceField(label=_("Show"), choices=KINDS, required=False)


@page("admin")
def users(visit: Visit) -> HttpResponse:
    """All accounts, by what they are and what they are called."""
    kind = visit.query("kind", "active")
    sort = visit.query("sort", "name")
    kind = kind if kind in account_list.FILTERS else "active"
    sort = sort if sort.removeprefix("-") in account_list.SORTS else "name"
    search = visit.query("q").strip()
    rows = account_list.page(
        kind=kind,
        search=search,
        sort=sort,
        after=read_place(visit.query("after"), str if sort.endswith("name") else int),
        limit=PAGE_SIZE + 1,
    )
    columns = ChosenColumns(visit, "users", COLUMNS)
    table = Table(
        visit,
        COLUMNS,
        _rows(rows, with_addresses="addresses" in columns.wanted),
        key=lambda row: place_of(account_list.sort_value(row.account, sort), row.account.user_nid),
        chosen=columns.wanted,
        sort=sort,
        total=account_list.count(kind=kind, search=search),
        empty=_("Nobody is here. Invite somebody, or search for something else."),
        next_step=(_("New invitation"), reverse("admin:invitation-new")),
        selectable=True,
    )
    form = Filter({"q": search, "kind": kind}, label_suffix="")
    return columns.remember(visit.page("users/list", table=table, form=form, columns=columns))


def _rows(rows: list[ListedAccount], *, with_addresses: bool) -> list[Row]:
    known = threepids.of_users([row.user_nid for row in rows]) if with_addresses else {}
    pictures = pictures_of(rows)
    return [Row(row, known.get(row.user_nid, []), pictures.get(row.user_nid)) for row in rows]
