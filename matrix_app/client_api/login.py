"""Login (data/api/client-server/login.yaml, login_token.yaml, refresh.yaml)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from matrix_app.http.authentication import service_of
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.rate_limit import check_rate
from matrix_app.http.request import Request
from matrix_app.http.uia import require_uia
from matrix_app.protocol.errors import BadRequest, MissingParam
from matrix_app.services import cas, log_in, page_sso
from matrix_app.services.create_session import create_session
from matrix_app.services.find_account import identifier_of
from matrix_app.services.login_tokens import by_login_token, make_login_token
from matrix_app.services.public_address import is_public
from matrix_app.services.refresh_tokens import refresh
from matrix_app.services.uia.abilities import is_able
from matrix_app.storage.accounts import Account


class LoginBody(msgspec.Struct):
    """The body of POST /login, but for what identifies the user."""

    type: str
    password: str | None = None
    token: str | None = None
    device_id: str | None = None
    initial_device_display_name: str | None = None
    refresh_token: bool = False


class RefreshBody(msgspec.Struct):
    """The body of POST /refresh."""

    refresh_token: str


@endpoint("GET", "/_matrix/client/v3/login", auth=Auth.NONE, rate="read")
def login_flows(request: Request) -> dict[str, Any]:
    """The ways to log in (GET /login)."""
    flows: list[dict[str, Any]] = [
        {"type": "m.login.password"},
        {"type": "m.login.token", "get_login_token": True},
        {"type": "m.login.application_service"},
    ]
    if cas.is_configured():
        flows += [{"type": "m.login.sso"}, {"type": "m.login.cas"}]
    elif page_sso.is_offered() and is_public(request.host):
        flows.append({"type": "m.login.sso", "oauth_aware_preferred": True})
    return {"flows": flows}


@endpoint("POST", "/_matrix/client/v3/login", auth=Auth.NONE, rate=None)
def log_a_user_in(request: Request) -> dict[str, Any]:
    """Authenticate the user and issue an access token (POST /login)."""
    body = request.decode(LoginBody)
    way = _WAYS.get(body.type)
    if way is None:
        raise BadRequest("Bad login type")
    account = way(request, body)
    session = create_session(
        account.user_id,
        account.user_nid,
        device_id=body.device_id,
        display_name=body.initial_device_display_name,
        refreshable=body.refresh_token,
    )
    return session.body()


def _password(request: Request, body: LoginBody) -> Account:
    check_rate("login", request)
    if body.password is None:
        raise MissingParam("Missing password")
    return log_in.by_password(identifier_of(request.json_object()), body.password, request.ip)


def _token(request: Request, body: LoginBody) -> Account:
    check_rate("login", request)
    if body.token is None:
        raise MissingParam("Missing token")
    return by_login_token(body.token)


def _appservice(request: Request, body: LoginBody) -> Account:
    service = service_of(request)
    return log_in.by_appservice(identifier_of(request.json_object()), service)


_WAYS: dict[str, Callable[[Request, LoginBody], Account]] = {
    "m.login.password": _password,
    "m.login.token": _token,
    "m.login.application_service": _appservice,
}


@endpoint(
    "POST",
    "/_matrix/client/v1/login/get_token",
    "/_matrix/client/unstable/org.matrix.msc3882/login/get_token",
    rate="login",
)
def get_login_token(request: Request) -> dict[str, Any]:
    """A token for one login of another client (POST /login/get_token).

    400 says that "the user does not have an ability to generate tokens for their devices".
    """
    if not is_able(request.requester.user_nid):
        raise BadRequest(
            "The account has no way to confirm this: ask the server's administrator to set a password"
        )
    require_uia(request, action="sign in another device", once=True)
    token, lifetime = make_login_token(request.requester.user_nid)
    return {"login_token": token, "expires_in_ms": lifetime}


@endpoint("POST", "/_matrix/client/v3/refresh", "/_matrix/client/v1/refresh", auth=Auth.NONE, rate="write")
def refresh_tokens(request: Request) -> dict[str, Any]:
    """New tokens for a refresh token (POST /refresh)."""
    tokens = refresh(request.decode(RefreshBody).refresh_token)
    return {
        "access_token": tokens.access_token,
        "refresh_token": tokens.refresh_token,
        "expires_in_ms": tokens.expires_in_ms,
    }
