"""Other servers: whether they answer, what waits for them, and trying again now."""

from __future__ import annotations

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from admin_ui.keyset import read_number
from admin_ui.page import page
from admin_ui.tables import PAGE_SIZE, Column, Table
from admin_ui.visit import Visit
from appliance.config.stored import fixed_keys
from matrix_app.protocol.errors import NotFound
from matrix_app.services.deny_server import SETTING, denied_by
from matrix_app.services.retry_server import retry_server
from matrix_app.storage import destination_list, stream
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name

KINDS = (
    ("all", _("All")),
    ("failing", _("That do not answer")),
    ("behind", _("That are owed something")),
    ("well", _("That answer")),
)
COLUMNS = (
    Column(_("Server")),
    Column(_("State")),
    Column(_("Last success")),
    Column(_("Tried again")),
    Column(_("Rooms shared"), align="number"),
    Column(_("Waiting"), align="number"),
)
ROOM_COLUMNS = (Column(_("Room")), Column(_("Members there"), align="number"))


class Filter(forms.Form):
    """What the list shows."""

    q = forms.CharField(label=_("Search"), required=False, max_length=255)
    kind = forms.ChoiceField(label=_("Show"), choices=KINDS, required=False)


@page("admin")
def servers(visit: Visit) -> HttpResponse:
    """The servers that this one shares rooms with or has spoken to."""
    kind, search = visit.query("kind", "all"), visit.query("q").strip()
    kind = kind if kind in destination_list.FILTERS else "all"
    local = local_server_name()
    rows = destination_list.page(
        local, kind=kind, search=search, after=visit.query("after"), limit=PAGE_SIZE + 1
    )
    table = Table(
        visit,
        COLUMNS,
        rows,
        key=lambda row: row.name,
        total=destination_list.count(local, kind=kind, search=search),
        empty=_("This server has not met others yet. Join a room of another server, or invite somebody."),
        next_step=(_("Test a server"), reverse("admin:federation-test")),
    )
    return visit.page(
        "federation/list",
        table=table,
        form=Filter({"q": search, "kind": kind}, label_suffix=""),
        failing=destination_list.count(local, kind="failing"),
        now=now_ms(),
    )


@page("admin")
def server(visit: Visit, name: str) -> HttpResponse:
    """A server: how it answers, what waits in both directions, and the rooms that are shared."""
    found = destination_list.find(name)
    if found is None:
        raise NotFound(_t("Nothing is known of this server"))
    after = read_number(visit.query("after")) or 0
    entry = denied_by(found.name)
    rows = destination_list.shared_rooms(found.server_nid, after=after, limit=PAGE_SIZE + 1)
    return visit.page(
        "federation/server",
        server=found,
        denied_by=entry,
        is_denied_alone=entry.lower() == found.name.lower(),
        is_locked=SETTING in fixed_keys(),
        behind=max(0, stream.current_position() - found.sent_position) if found.is_behind else 0,
        backlog=destination_list.inbound_backlog(found.server_nid),
        table=Table(
            visit, ROOM_COLUMNS, rows, key=lambda row: row.room_nid, empty=_("No room is shared with it.")
        ),
        now=now_ms(),
    )


@page("admin")
def retry(visit: Visit, name: str) -> HttpResponse:
    """Ask a server now, whether it is being left alone or not."""
    address = reverse("admin:federation-server", args=[name])
    if not visit.is_post:
        return visit.redirect(address)
    software = retry_server(visit.actor, name)
    return visit.redirect(address, _t("The server answers: %s") % software)
