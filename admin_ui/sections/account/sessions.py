"""Where somebody is signed in: devices with clients, and browsers on these pages."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from admin_ui.device_table import device_table
from admin_ui.page import page
from admin_ui.tables import Column
from admin_ui.visit import Visit
from matrix_app.services import web_sign_in
from matrix_app.services.administer_account import remove_devices as sign_out_devices
from matrix_app.storage import accounts, profiles, web_sessions

COLUMNS = (Column(_("Device")), Column(_("Made")), Column(_("Last seen")))
SHOWN_SESSIONS = 20


def shown_overview(visit: Visit) -> HttpResponse:
    """Who one is here, and where one is signed in."""
    nid = visit.session.user_nid
    sessions = web_sessions.of_user(nid, SHOWN_SESSIONS)
    return visit.page(
        "account/overview",
        tab="overview",
        account=accounts.get(nid),
        display_name=profiles.get_fields(nid).get("displayname"),
        table=device_table(visit, nid, COLUMNS, _("You are signed in on no device.")),
        sessions=sessions,
        more=web_sessions.count(nid) - len(sessions),
    )


@page("account", confirmed=True)
def remove_devices(visit: Visit) -> HttpResponse:
    """Sign one's own devices out."""
    chosen = visit.form.getlist("chosen") if visit.is_post else []
    if chosen:
        sign_out_devices(visit.actor, visit.session.user_id, chosen)
    return visit.redirect(reverse("account:home"), _t("The devices have been signed out.") if chosen else "")


@page("account")
def end_session(visit: Visit) -> HttpResponse:
    """End another session on these pages."""
    nid = visit.form.get("session", "")
    if visit.is_post and nid.isascii() and nid.isdigit() and len(nid) < 19:
        web_sign_in.end_session(int(nid), visit.session.user_nid, visit.actor)
    return visit.redirect(reverse("account:home"), _t("The session has ended.") if visit.is_post else "")


@page("account")
def end_others(visit: Visit) -> HttpResponse:
    """End every session on these pages but this one."""
    if not visit.is_post:
        return visit.redirect(reverse("account:home"))
    ended = web_sign_in.end_others(visit.session, visit.actor)
    message = ngettext("%d other session has ended.", "%d other sessions have ended.", ended)
    return visit.redirect(reverse("account:home"), message % ended)
