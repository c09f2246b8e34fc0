"""Somebody is asked whether an app may sign in as them ("Authorisation code flow")."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpResponse
from django.urls import reverse

from admin_ui.page import page, sent_to_prove
from admin_ui.sections.oauth.app import shown_app
from admin_ui.sections.users.detail import found_account
from admin_ui.security import lead_forms_to
from admin_ui.visit import Visit
from matrix_app.protocol.errors import OAuthError
from matrix_app.protocol.oauth.uris import policy_sources, shown_target
from matrix_app.services.oauth.authorization import AuthorizationRequest, deny, grant, read_request
from matrix_app.services.oauth.server_metadata import require_on


@page("account", session=False)
def authorize(visit: Visit) -> HttpResponse:
    """Ask whether an app may sign in, and send the browser back to it with the answer."""
    require_on()
    try:
        request = read_request(dict(visit.http.GET.lists()))
    except OAuthError as error:
        status = 404 if error.error == "invalid_client" else 400
        return visit.page("oauth/refused", status=status, error=error)
    if request.wants_account:
        return visit.redirect(f"{reverse('account:register')}?{urlencode({'next': _again(visit)})}")
    sent = sent_to_prove(visit)
    if sent is not None:
        return sent
    return _decided(visit, request) if visit.is_post else _asked(visit, request)


def _again(visit: Visit) -> str:
    """The same address, for somebody who has an account now."""
    given = visit.http.GET.copy()
    del given["prompt"]
    return f"{reverse('account:authorize')}?{given.urlencode()}"


def _asked(visit: Visit, request: AuthorizationRequest) -> HttpResponse:
    response = visit.page(
        "oauth/authorize",
        target=shown_target(request.redirect_uri),
        here=visit.http.get_full_path(),
        **shown_app(visit, request.client, request.scope),
    )
    lead_forms_to(response, visit.http, *policy_sources(request.redirect_uri, request.client.metadata.host))
    return response


def _decided(visit: Visit, request: AuthorizationRequest) -> HttpResponse:
    if visit.form.get("answer") == "allow":
        address = grant(visit.actor, found_account(visit.session.user_nid), request)
    else:
        address = deny(request)
    # Django's own redirect knows no schemes of apps; this one is registered.
    return HttpResponse(status=303, headers={"Location": address})
