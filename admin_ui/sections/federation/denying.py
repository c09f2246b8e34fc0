"""Speaking with a server no more, and again."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui.page import page
from admin_ui.visit import Visit
from matrix_app.services.deny_server import allow_server, deny_server


@page("admin", confirmed=True)
def deny(visit: Visit, name: str) -> HttpResponse:
    """Put the server among those that are never spoken with."""
    address = reverse("admin:federation-server", args=[name])
    if not visit.is_post:
        return visit.redirect(address)
    visit.require_typed(name)
    deny_server(visit.actor, name)
    return visit.redirect(address, _t("This server does not speak with it any more."))


@page("admin")
def allow(visit: Visit, name: str) -> HttpResponse:
    """Take the server out of those that are never spoken with."""
    address = reverse("admin:federation-server", args=[name])
    if not visit.is_post:
        return visit.redirect(address)
    allow_server(visit.actor, name)
    return visit.redirect(address, _t("This server speaks with it again."))
