"""Media: how much there is and of whom, the largest, the quarantined, and each with what is known of it."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from admin_ui.keyset import place_of, read_place
from admin_ui.page import page
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from matrix_app.protocol.ids import Mxc, parse_media_id, parse_server_name
from matrix_app.services import list_media
from matrix_app.storage import media_listing
from matrix_app.storage.media_listing import Sort

KINDS = (("all", _("All")), ("quarantined", _("In quarantine")))
ORDERS: dict[str, tuple[Sort, Promise | str]] = {
    "newest": ("created_ts", _("Newest first")),
    "largest": ("size", _("Largest first")),
    "used": ("last_used_ts", _("Used last first")),
}
COLUMNS = (
    Column(_("File")),
    Column(_("Kind")),
    Column(_("Size"), align="number"),
    Column(_("Of")),
    Column(_("Uploaded")),
    Column(_("Used")),
)


class Filter(forms.Form):
    """What the list shows."""

    kind = forms.ChoiceField(label=_("Show"), choices=KINDS, required=False)
    order = forms.ChoiceField(
        label=_("Order"), choices=[(name, label) for name, (_order, label) in ORDERS.items()], required=False
    )


class CleanForm(forms.Form):
    """What may go."""

    what = forms.ChoiceField(
        label=_("Remove"),
        choices=(
            ("fetched", _("copies of files of other servers (they are fetched again when needed)")),
            ("old", _("files of this server's users (they are gone for good)")),
        ),
    )
    days = forms.IntegerField(label=_("That nobody has looked at for so many days"), min_value=0, initial=90)
    larger_than_mib = forms.IntegerField(
        label=_("Only files larger than so many MiB"), min_value=0, initial=0, required=False
    )


@page("admin")
def overview(visit: Visit) -> HttpResponse:
    """How much space media take, and whose they are."""
    return visit.page(
        "media/overview",
        overview=list_media.overview(),
        usage=media_listing.largest_users(20),
        form=CleanForm(label_suffix=""),
    )


@page("admin")
def listing(visit: Visit) -> HttpResponse:
    """All media, in an order of the visitor's choice."""
    kind = visit.query("kind", "all")
    name = visit.query("order", "newest")
    sort, _label = ORDERS.get(name, ORDERS["newest"])
    after = read_place(visit.query("after"), int)
    rows = media_listing.sorted_page(sort, after, PAGE_SIZE + 1, quarantined_only=kind == "quarantined")
    table = Table(
        visit,
        COLUMNS,
        rows,
        key=lambda row: place_of(getattr(row, sort) or 0, row.nid),
        empty=_("There are no media. What people send to each other appears here."),
        selectable=True,
    )
    form = Filter({"kind": kind, "order": name}, label_suffix="")
    return visit.page("media/list", table=table, form=form)


def mxc_of(server_name: str, media_id: str) -> Mxc:
    """The media of an address; raises `InvalidParam`."""
    return Mxc(parse_server_name(server_name), parse_media_id(media_id))


@page("admin")
def entry(visit: Visit, server_name: str, media_id: str) -> HttpResponse:
    """What is known of media."""
    mxc = mxc_of(server_name, media_id)
    return visit.page("media/entry", row=list_media.describe(mxc), mxc=str(mxc))
