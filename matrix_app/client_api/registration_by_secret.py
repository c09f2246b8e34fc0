"""Registration with a shared secret, at the address and in the format of Synapse's tools."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.services.create_session import create_session
from matrix_app.services.register_by_secret import new_nonce, register_by_secret


class SecretBody(msgspec.Struct):
    """The body of POST /_synapse/admin/v1/register."""

    nonce: str
    username: str
    password: str
    mac: str
    admin: bool = False
    displayname: str | None = None
    user_type: str | None = None
    inhibit_login: bool = False


@endpoint("GET", "/_synapse/admin/v1/register", auth=Auth.NONE, rate="registration")
def get_nonce(request: Request) -> dict[str, Any]:
    """A nonce for a registration with the shared secret."""
    return {"nonce": new_nonce()}


@endpoint("POST", "/_synapse/admin/v1/register", auth=Auth.NONE, rate="registration")
def register_with_secret(request: Request) -> dict[str, Any]:
    """Make an account, maybe an administrator's, with the shared secret."""
    body = request.decode(SecretBody)
    account = register_by_secret(
        body.nonce,
        body.username,
        body.password,
        body.mac,
        is_admin=body.admin,
        user_type=body.user_type,
        display_name=body.displayname,
    )
    if body.inhibit_login:
        return {"user_id": account.user_id, "home_server": account.user_id.partition(":")[2]}
    return create_session(account.user_id, account.user_nid).body()
