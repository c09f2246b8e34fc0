"""Mail addresses of accounts (administrative_contact.yaml and the requestToken endpoints)."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request, to_struct
from matrix_app.http.uia import check_body, require_uia
from matrix_app.protocol.errors import (
    MatrixError,
    MissingParam,
    ThreepidAuthFailed,
    ThreepidMediumNotSupported,
)
from matrix_app.protocol.ids import parse_server_name
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.register import check_open
from matrix_app.services.threepids import changes, identity_server
from matrix_app.services.threepids.validation import Purpose, request_validation, validated_session
from matrix_app.storage import threepids


class EmailBody(msgspec.Struct):
    """The body of .../email/requestToken."""

    client_secret: str
    email: str
    send_attempt: int
    next_link: str | None = None


class Credentials(msgspec.Struct):
    """A validation, by this server or by an identity server."""

    sid: str
    client_secret: str
    id_server: str | None = None
    id_access_token: str | None = None


class OldAddBody(msgspec.Struct):
    """The body of POST /account/3pid."""

    three_pid_creds: Credentials


class RemoveBody(msgspec.Struct):
    """The body of POST /account/3pid/delete and /unbind."""

    medium: str
    address: str
    id_server: str | None = None


def _request_token(request: Request, purpose: Purpose) -> dict[str, Any]:
    body = request.decode(EmailBody)
    sid = request_validation(purpose, body.email, body.client_secret, body.send_attempt, body.next_link)
    return {"sid": sid}


@endpoint("POST", "/_matrix/client/v3/register/email/requestToken", auth=Auth.NONE, rate="email")
def request_token_to_register(request: Request) -> dict[str, Any]:
    """Have a mail sent to register with the address (POST /register/email/requestToken)."""
    check_open()
    return _request_token(request, Purpose.REGISTER)


@endpoint("POST", "/_matrix/client/v3/account/password/email/requestToken", auth=Auth.NONE, rate="email")
def request_token_to_reset_password(request: Request) -> dict[str, Any]:
    """Have a mail sent to set a new password (POST /account/password/email/requestToken)."""
    return _request_token(request, Purpose.PASSWORD)


@endpoint("POST", "/_matrix/client/v3/account/3pid/email/requestToken", auth=Auth.OPTIONAL, rate="email")
def request_token_to_add(request: Request) -> dict[str, Any]:
    """Have a mail sent to add the address to an account (POST /account/3pid/email/requestToken)."""
    return _request_token(request, Purpose.ADD)


@endpoint(
    "POST",
    "/_matrix/client/v3/register/msisdn/requestToken",
    "/_matrix/client/v3/account/password/msisdn/requestToken",
    "/_matrix/client/v3/account/3pid/msisdn/requestToken",
    auth=Auth.OPTIONAL,
    rate="email",
)
def request_token_for_phone_number(request: Request) -> dict[str, Any]:
    """This server sends no text messages (POST .../msisdn/requestToken)."""
    raise ThreepidMediumNotSupported("This server does not support phone numbers")


@endpoint("GET", "/_matrix/client/v3/account/3pid")
def list_threepids(request: Request) -> dict[str, Any]:
    """The addresses of the account (GET /account/3pid)."""
    found = [
        {
            "medium": row.medium,
            "address": row.address,
            "validated_at": row.validated_ts,
            "added_at": row.added_ts,
        }
        for row in threepids.of_user(request.requester.user_nid)
    ]
    return {"threepids": found}


@endpoint("POST", "/_matrix/client/v3/account/3pid", rate="write")
def add_or_bind(request: Request) -> dict[str, Any]:
    """Add an address that this server validated, or bind one at an identity server (POST /account/3pid)."""
    creds = request.decode(OldAddBody).three_pid_creds
    session = validated_session(creds.sid, creds.client_secret, Purpose.ADD)
    if session is not None:
        changes.add_threepid(request.requester.user_nid, session)
    else:
        _bind(request, creds)
    return {}


@endpoint("POST", "/_matrix/client/v3/account/3pid/add", rate="write")
def add(request: Request) -> dict[str, Any]:
    """Add an address that this server validated (POST /account/3pid/add)."""
    check_body(request, Credentials)
    done = require_uia(request, action="add a mail address to your account")
    creds = to_struct(done.params, Credentials)
    session = changes.find_validated(creds.sid, creds.client_secret)
    changes.add_threepid(request.requester.user_nid, session)
    return {}


@endpoint("POST", "/_matrix/client/v3/account/3pid/bind", rate="write")
def bind(request: Request) -> dict[str, Any]:
    """Bind an address at an identity server (POST /account/3pid/bind)."""
    creds = request.decode(Credentials)
    if creds.id_server is None or creds.id_access_token is None:
        raise MissingParam("Missing id_server or id_access_token")
    _bind(request, creds)
    return {}


def _bind(request: Request, creds: Credentials) -> None:
    if creds.id_server is None or creds.id_access_token is None:
        raise ThreepidAuthFailed("The address has not been confirmed, and no identity server is named")
    requester = request.requester
    identity_server.bind(
        requester.user_id,
        requester.user_nid,
        id_server=creds.id_server,
        id_access_token=creds.id_access_token,
        sid=creds.sid,
        client_secret=creds.client_secret,
    )


@endpoint("POST", "/_matrix/client/v3/account/3pid/delete", rate="write")
def delete(request: Request) -> dict[str, Any]:
    """Remove an address, and unbind it where it was bound (POST /account/3pid/delete)."""
    body = request.decode(RemoveBody)
    if body.id_server is not None:
        parse_server_name(body.id_server)
    refuse_suspended(request.requester)
    changes.remove_threepid(request.requester.user_nid, body.medium, body.address)
    try:
        return _unbind(request, body)
    except MatrixError:
        # The address is gone from here, whatever an identity server says.
        return {"id_server_unbind_result": "no-support"}


@endpoint("POST", "/_matrix/client/v3/account/3pid/unbind", rate="write")
def unbind(request: Request) -> dict[str, Any]:
    """Unbind an address, keeping it with the account (POST /account/3pid/unbind)."""
    return _unbind(request, request.decode(RemoveBody))


def _unbind(request: Request, body: RemoveBody) -> dict[str, Any]:
    requester = request.requester
    unbound = identity_server.unbind(
        requester.user_id, requester.user_nid, body.medium, body.address, body.id_server
    )
    return {"id_server_unbind_result": "success" if unbound else "no-support"}
