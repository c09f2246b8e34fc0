"""Letting a device sign in by the code that it shows ("Device authorisation flow")."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t

from admin_ui.faults import told
from admin_ui.page import page
from admin_ui.sections.oauth.app import shown_app
from admin_ui.sections.users.detail import found_account
from admin_ui.visit import Visit
from matrix_app.protocol.errors import NotFound
from matrix_app.services.oauth.device_grants import decide, look_up
from matrix_app.services.oauth.server_metadata import require_on


@page("account", confirmed=True)
def link(visit: Visit) -> HttpResponse:
    """Ask for the code, then whether the device may sign in."""
    require_on()
    if visit.is_post:
        return _decided(visit)
    code = visit.query("user_code")
    if not code:
        return visit.page("oauth/link")
    try:
        waiting = look_up(code, found_account(visit.session.user_nid), visit.ip)
    except NotFound as error:
        return visit.page("oauth/link", status=404, error=told(error))
    shown = shown_app(visit, waiting.client, waiting.scope)
    return visit.page(
        "oauth/link_decide", user_code=waiting.user_code, here=visit.http.get_full_path(), **shown
    )


def _decided(visit: Visit) -> HttpResponse:
    account, allowed = found_account(visit.session.user_nid), visit.form.get("answer") == "allow"
    waiting = look_up(visit.form.get("user_code", ""), account, visit.ip)
    decide(visit.actor, account, waiting, allowed=allowed)
    if allowed:
        return visit.redirect(reverse("account:link"), _t("The device signs in now: you can go back to it."))
    return visit.redirect(reverse("account:link"), _t("The device has not been let in."), "warn")
