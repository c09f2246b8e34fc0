"""The list of accounts."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from admin_ui.faults import told
from admin_ui.keyset import place_of, read_place
from admin_ui.page import page
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.protocol.errors import MatrixError
from matrix_app.services import administer_account
from matrix_app.storage import account_list, accounts

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
    Column(_("Status")),
    Column(_("Made"), sort="created"),
    Column(_("Last active"), sort="active"),
)


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
    table = Table(
        visit,
        COLUMNS,
        rows,
        key=lambda row: place_of(account_list.sort_value(row, sort), row.user_nid),
        sort=sort,
        total=account_list.count(kind=kind, search=search),
        empty=_("Nobody is here. Invite somebody, or search for something else."),
        selectable=True,
    )
    return visit.page("users/list", table=table, form=Filter({"q": search, "kind": kind}, label_suffix=""))


@page("admin", confirmed=True)
def deactivate_chosen(visit: Visit) -> HttpResponse:
    """Deactivate the chosen accounts; those that could not be are named."""
    refused = []
    chosen = [int(nid) for nid in visit.form.getlist("chosen") if nid.isdigit()] if visit.is_post else []
    for account in filter(None, (accounts.get(nid) for nid in chosen)):
        try:
            administer_account.deactivate(visit.actor, account.user_id, erase=False)
        except MatrixError as error:
            refused.append(f"{account.user_id}: {told(error)}")
    if refused:
        return visit.redirect(reverse("admin:users"), "; ".join(refused), "error")
    done = ngettext("%d account has been deactivated.", "%d accounts have been deactivated.", len(chosen))
    return visit.redirect(reverse("admin:users"), done % len(chosen) if chosen else "")
