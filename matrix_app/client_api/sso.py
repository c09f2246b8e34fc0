"""Signing in by a CAS server or by this server's own pages (sso_login_redirect.yaml)."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpResponse

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.page import error_page, page
from matrix_app.http.request import Request
from matrix_app.protocol.errors import MatrixError, NotFound
from matrix_app.services import cas, page_sso
from matrix_app.services.log_in import check_active
from matrix_app.services.login_tokens import make_login_token
from matrix_app.services.uia.outside import complete_sso


@endpoint("GET", "/_matrix/client/v3/login/sso/redirect", auth=Auth.NONE, rate="login")
def redirect_to_sso(request: Request) -> HttpResponse:
    """Send the browser to the CAS server, or else to this server's pages (GET /login/sso/redirect)."""
    wanted = request.required_query("redirectUrl")
    if page_sso.is_offered():
        return _sent(page_sso.page_address(wanted, request.query("action")))
    return _sent(cas.sign_in_address(redirectUrl=cas.check_redirect(wanted)))


@endpoint("GET", "/_matrix/client/v3/login/cas/redirect", auth=Auth.NONE, rate="login")
def redirect_to_cas(request: Request) -> HttpResponse:
    """Send the browser to the CAS server."""
    wanted = cas.check_redirect(request.required_query("redirectUrl"))
    return _sent(cas.sign_in_address(redirectUrl=wanted))


def _sent(address: str) -> HttpResponse:
    return HttpResponse(status=302, headers={"Location": address})


@endpoint("GET", "/_matrix/client/v3/login/sso/redirect/{idp_id}", auth=Auth.NONE, rate="login")
def redirect_to_provider(request: Request) -> HttpResponse:
    """The CAS server is the only one, and has no ID (GET /login/sso/redirect/{idpId})."""
    raise NotFound("There is no identity provider with this ID")


@endpoint("GET", "/_matrix/client/v3/login/cas/ticket", auth=Auth.NONE, rate="login")
def receive_ticket(request: Request) -> HttpResponse:
    """Where the CAS server sends the browser back to, with a ticket."""
    try:
        ticket = request.required_query("ticket")
        session_id = request.query("session")
        if session_id is not None:
            return _confirm_session(session_id, ticket)
        return _sign_in(cas.check_redirect(request.required_query("redirectUrl")), ticket)
    except MatrixError as error:
        return error_page(error)


def _confirm_session(session_id: str, ticket: str) -> HttpResponse:
    complete_sso(session_id, cas.user_id_of(cas.user_of_ticket(ticket, {"session": session_id})))
    return page("stage_done", title="Thank you")


def _sign_in(address: str, ticket: str) -> HttpResponse:
    account = cas.account_of(cas.user_of_ticket(ticket, {"redirectUrl": address}))
    check_active(account)
    token, _ = make_login_token(account.user_nid)
    # The user says whether the client may have the token: somebody else may have made up the address.
    return page(
        "sso_trust",
        title="Sign in to this app?",
        client=urlsplit(address).netloc or address,
        user_id=account.user_id,
        url=cas.with_login_token(address, token),
    )
