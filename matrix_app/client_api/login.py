"""Login (data/api/client-server/login.yaml)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import BadRequest, MissingParam
from matrix_app.services import log_in
from matrix_app.services.create_session import create_session
from matrix_app.services.find_account import identifier_of
from matrix_app.storage.accounts import Account


class LoginBody(msgspec.Struct):
    """The body of POST /login, but for what identifies the user."""

    type: str
    password: str | None = None
    token: str | None = None
    device_id: str | None = None
    initial_device_display_name: str | None = None
    refresh_token: bool = False


@endpoint("GET", "/_matrix/client/v3/login", auth=Auth.NONE, rate="read")
def login_flows(request: Request) -> dict[str, Any]:
    """The ways to log in (GET /login)."""
    return {"flows": [{"type": "m.login.password"}]}


@endpoint("POST", "/_matrix/client/v3/login", auth=Auth.NONE, rate="login")
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
    if body.password is None:
        raise MissingParam("Missing password")
    return log_in.by_password(identifier_of(request.json_object()), body.password, request.ip)


_WAYS: dict[str, Callable[[Request, LoginBody], Account]] = {"m.login.password": _password}
