"""Somebody is asked whether a client of the legacy API may sign in as them ("Client login via SSO")."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpResponse
from django.urls import reverse

from admin_ui.page import page, sent_to_prove
from admin_ui.sections.users.detail import found_account
from admin_ui.security import lead_forms_to
from admin_ui.visit import Visit
from matrix_app.protocol.errors import Unrecognized
from matrix_app.services import page_sso
from matrix_app.services.page_sso import Target


@page("account", session=False)
def app(visit: Visit) -> HttpResponse:
    """Ask whether a client may sign in, and send the browser back to it with a token for one login."""
    if not page_sso.is_offered():
        raise Unrecognized("This server has no single sign-on")
    target = page_sso.target_of(visit.query("redirectUrl"))
    here = f"{reverse('account:app')}?{urlencode({'redirectUrl': target.address})}"
    if visit.query("action") == "register":
        return visit.redirect(f"{reverse('account:register')}?{urlencode({'next': here})}")
    sent = sent_to_prove(visit)
    if sent is not None:
        return sent
    return _allowed(visit, target) if visit.is_post else _asked(visit, target, here)


def _asked(visit: Visit, target: Target, here: str) -> HttpResponse:
    response = visit.page("oauth/legacy", target=target.shown, here=here)
    lead_forms_to(response, visit.http, target.source)
    return response


def _allowed(visit: Visit, target: Target) -> HttpResponse:
    address = page_sso.allow(visit.actor, found_account(visit.session.user_nid), target)
    return HttpResponse(status=303, headers={"Location": address})
