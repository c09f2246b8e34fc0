"""Where clients' links that manage accounts lead ("Account management URL actions" of the OAuth 2.0 API)."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django.http import HttpResponse
from django.urls import reverse

from admin_ui.page import page
from admin_ui.sections.account.sessions import shown_overview
from admin_ui.visit import Visit

# The page of each action, by the name of its URL. The second names are those of before version 1.18.
ACTIONS: Final = {
    "org.matrix.profile": "profile",
    "org.matrix.devices_list": "home",
    "org.matrix.sessions_list": "home",
    "org.matrix.device_view": "device",
    "org.matrix.session_view": "device",
    "org.matrix.device_delete": "device-delete",
    "org.matrix.session_end": "device-delete",
    "org.matrix.account_deactivate": "deactivate",
    "org.matrix.cross_signing_reset": "encryption",
}


@page("account")
def home(visit: Visit) -> HttpResponse:
    """The page that the action of a link is about; where one is signed in, where it names none."""
    name = ACTIONS.get(visit.query("action"), "home")
    device_id = visit.query("device_id")
    if name.startswith("device") and not device_id:
        name = "home"
    if name == "home":
        return shown_overview(visit)
    query = f"?{urlencode({'device_id': device_id})}" if name.startswith("device") else ""
    return visit.redirect(reverse(f"account:{name}") + query)
