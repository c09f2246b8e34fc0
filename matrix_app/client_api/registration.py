"""Account registration (data/api/client-server/registration.yaml)."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.http.uia import require_uia
from matrix_app.services import uia
from matrix_app.services.passwords import check_length, check_policy, hash_password
from matrix_app.services.register import Registration, check_open, check_username, register
from matrix_app.services.uia.abilities import registration_flows


class RegisterBody(msgspec.Struct):
    """The body of POST /register."""

    auth: dict[str, Any] | None = None
    username: str | None = None
    password: str | None = None
    device_id: str | None = None
    initial_device_display_name: str | None = None
    inhibit_login: bool = False
    refresh_token: bool = False


@endpoint("POST", "/_matrix/client/v3/register", auth=Auth.OPTIONAL, rate="registration")
def register_account(request: Request) -> dict[str, Any]:
    """Register for an account on this homeserver (POST /register)."""
    body = request.decode(RegisterBody)
    check_open()
    if not uia.has_outcome(body.auth):
        _check_new(body)
    params = msgspec.to_builtins(_wanted(body))
    done = require_uia(request, action="make an account", params=params, flows=registration_flows())
    return register(msgspec.convert(done.params, Registration), done)


def _check_new(body: RegisterBody) -> None:
    if body.username is not None:
        check_username(body.username)
    if body.password is not None:
        check_length(body.password)
        check_policy(body.password)


def _wanted(body: RegisterBody) -> Registration:
    return Registration(
        username=body.username,
        password_hash=None if body.password is None else hash_password(body.password),
        device_id=body.device_id,
        initial_device_display_name=body.initial_device_display_name,
        inhibit_login=body.inhibit_login,
        refresh_token=body.refresh_token,
    )


@endpoint("GET", "/_matrix/client/v3/register/available", auth=Auth.NONE, rate="registration")
def is_username_available(request: Request) -> dict[str, Any]:
    """Check whether a user name is free and valid (GET /register/available)."""
    check_username(request.required_query("username"))
    return {"available": True}
