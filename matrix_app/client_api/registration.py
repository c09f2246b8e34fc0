"""Account registration (data/api/client-server/registration.yaml)."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.authentication import service_of
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.rate_limit import check_rate
from matrix_app.http.request import Request
from matrix_app.http.uia import require_uia
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services import uia
from matrix_app.services.guests import guest_of_token, register_guest
from matrix_app.services.passwords import check_length, check_policy, hash_password
from matrix_app.services.register import (
    Registration,
    check_open,
    check_username,
    register,
    register_for_appservice,
)
from matrix_app.services.uia.abilities import registration_flows
from matrix_app.storage.clock import now_ms
from matrix_app.storage.registration_tokens import is_usable

APPSERVICE = "m.login.application_service"


class RegisterBody(msgspec.Struct):
    """The body of POST /register."""

    auth: dict[str, Any] | None = None
    type: str | None = None
    username: str | None = None
    password: str | None = None
    device_id: str | None = None
    initial_device_display_name: str | None = None
    inhibit_login: bool = False
    refresh_token: bool = False
    guest_access_token: str | None = None


class GuestBody(msgspec.Struct):
    """What counts of the body where a guest is made: everything else "MUST BE ignored by the server"."""

    initial_device_display_name: str | None = None


@endpoint("POST", "/_matrix/client/v3/register", auth=Auth.NONE, rate=None)
def register_account(request: Request) -> dict[str, Any]:
    """Register for an account on this homeserver (POST /register)."""
    kind = request.query("kind") or "user"
    if kind not in ("user", "guest"):
        raise InvalidParam("kind must be user or guest")
    if kind == "guest":
        check_rate("registration", request)
        guest = request.decode(GuestBody, empty_allowed=True)
        return register_guest(guest.initial_device_display_name).body()
    body = request.decode(RegisterBody)
    if body.type == APPSERVICE:
        return _for_appservice(request, body)
    check_rate("registration", request)
    return _for_user(request, body)


def _for_user(request: Request, body: RegisterBody) -> dict[str, Any]:
    check_open()
    guest_nid = None
    if not uia.has_outcome(body.auth):
        guest_nid = _check_new(body)
    params = msgspec.to_builtins(_wanted(body, guest_nid))
    done = require_uia(request, action="make an account", params=params, flows=registration_flows())
    return register(msgspec.convert(done.params, Registration), done)


def _for_appservice(request: Request, body: RegisterBody) -> dict[str, Any]:
    return register_for_appservice(_wanted(body, None), service_of(request))


def _check_new(body: RegisterBody) -> int | None:
    """Refuse early what cannot work; the nid of the guest who upgrades, if one does."""
    guest_nid = None
    if body.guest_access_token is not None:
        guest_nid = guest_of_token(body.guest_access_token, body.username)
    if body.username is not None:
        check_username(body.username, guest_nid=guest_nid)
    if body.password is not None:
        check_length(body.password)
        check_policy(body.password)
    return guest_nid


def _wanted(body: RegisterBody, guest_nid: int | None) -> Registration:
    return Registration(
        username=body.username,
        password_hash=None if body.password is None else hash_password(body.password),
        device_id=body.device_id,
        initial_device_display_name=body.initial_device_display_name,
        inhibit_login=body.inhibit_login,
        refresh_token=body.refresh_token,
        guest_nid=guest_nid,
    )


@endpoint("GET", "/_matrix/client/v3/register/available", auth=Auth.NONE, rate="registration")
def is_username_available(request: Request) -> dict[str, Any]:
    """Check whether a user name is free and valid (GET /register/available)."""
    check_username(request.required_query("username"))
    return {"available": True}


@endpoint(
    "GET",
    "/_matrix/client/v1/register/m.login.registration_token/validity",
    "/_matrix/client/unstable/org.matrix.msc3231/register/org.matrix.msc3231.login.registration_token/validity",
    auth=Auth.NONE,
    rate="registration",
)
def is_registration_token_valid(request: Request) -> dict[str, Any]:
    """Check whether a registration token can be used (GET /register/m.login.registration_token/validity)."""
    check_open()
    return {"valid": is_usable(request.required_query("token"), now_ms())}
