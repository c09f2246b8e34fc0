"""Testing any server name: every hop of its discovery, as other servers take it."""

from __future__ import annotations

from typing import NamedTuple

from django.http import HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.protocol.errors import MatrixError
from matrix_app.services.examine_server import Hop, examine_for
from matrix_app.storage.local_server import local_server_name

LABELS: dict[str, Promise | str] = {
    "policy": _("Settings"),
    "well_known": _(".well-known"),
    "srv": _("SRV record"),
    "route": _("Way"),
    "address": _("Address"),
    "tls": _("Connection"),
    "keys": _("Keys"),
    "version": _("Version"),
}


class Step(NamedTuple):
    """A hop with the name of its kind."""

    label: Promise | str
    status: str
    subject: str
    text: str

    @classmethod
    def of(cls, hop: Hop) -> Step:
        """A hop as it is shown."""
        return cls(LABELS.get(hop.kind, hop.kind), hop.status, hop.subject, hop.text)


@page("admin")
def test_server(visit: Visit) -> HttpResponse:
    """A form, which `name` of the address fills in; sent, what every step to that server says."""
    name, found, fault = (visit.form.get("name") or visit.query("name")).strip(), None, ""
    if visit.is_post:
        try:
            found = examine_for(visit.actor, name)
        except MatrixError as error:
            fault = told(error)
    return visit.page(
        "federation/test",
        name=name,
        own=local_server_name(),
        found=found,
        steps=[Step.of(hop) for hop in found.hops] if found else [],
        fault=fault,
    )
