"""Passwords and deactivation (password_management.yaml and account_deactivation.yaml)."""

from __future__ import annotations

from typing import Any

import msgspec

from appliance.config import get_config
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request, to_struct
from matrix_app.http.uia import require_uia
from matrix_app.protocol.errors import Forbidden, MissingParam
from matrix_app.services import uia
from matrix_app.services.change_password import change_password, reset_password
from matrix_app.services.deactivate import deactivate
from matrix_app.services.passwords import check_policy, hash_password


class PasswordBody(msgspec.Struct):
    """The body of POST /account/password."""

    auth: dict[str, Any] | None = None
    new_password: str | None = None
    logout_devices: bool = True


class DeactivateBody(msgspec.Struct):
    """The body of POST /account/deactivate."""

    auth: dict[str, Any] | None = None
    id_server: str | None = None
    erase: bool = False


@endpoint("POST", "/_matrix/client/v3/account/password", auth=Auth.OPTIONAL, rate="login")
def set_password(request: Request) -> dict[str, Any]:
    """Change the password, or reset a forgotten one by mail (POST /account/password)."""
    if not get_config().registration.allow_password_change:
        raise Forbidden("This server does not let users change their passwords")
    params = _password_params(request.decode(PasswordBody))
    if request.requester_or_none is None:
        flows = [(uia.EMAIL,)]
        done = require_uia(request, action="set a new password", params=params, flows=flows, once=True)
        reset_password(done.results[uia.EMAIL], _new_hash(done), sign_out=done.params["logout_devices"])
    else:
        done = require_uia(request, action="change your password", params=params)
        requester = request.requester
        change_password(
            requester.user_nid,
            _new_hash(done),
            sign_out=done.params["logout_devices"],
            but_device_nid=requester.device_nid,
        )
    return {}


def _password_params(body: PasswordBody) -> dict[str, Any]:
    """What is remembered of the request; nothing when it holds nothing but `auth`."""
    if body.new_password is None:
        return {}
    check_policy(body.new_password)
    return {"new_password_hash": hash_password(body.new_password), "logout_devices": body.logout_devices}


def _new_hash(done: uia.Completed) -> str:
    if "new_password_hash" not in done.params:
        raise MissingParam("Missing new_password")
    found: str = done.params["new_password_hash"]
    return found


@endpoint("POST", "/_matrix/client/v3/account/deactivate", rate="login")
def deactivate_account(request: Request) -> dict[str, Any]:
    """End the account (POST /account/deactivate)."""
    if not get_config().registration.allow_deactivation:
        raise Forbidden("This server does not let users deactivate their accounts")
    body = request.decode(DeactivateBody)
    requester = request.requester
    if requester.appservice_id is None:
        done = require_uia(request, action="deactivate your account for good")
        body = to_struct(done.params, DeactivateBody)
    unbound = deactivate(requester.user_id, requester.user_nid, erase=body.erase, id_server=body.id_server)
    return {"id_server_unbind_result": "success" if unbound else "no-support"}
