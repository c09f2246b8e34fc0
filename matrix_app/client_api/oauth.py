"""The OAuth 2.0 API (oauth_server_metadata.yaml; RFC 6749, 7009, 7591, 8628); its pages are in `admin_ui`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.form import read_form, required
from matrix_app.http.rate_limit import check_rate
from matrix_app.http.request import Request
from matrix_app.http.response import Json
from matrix_app.protocol.errors import LimitExceeded, MatrixError, OAuthError, Unavailable, Unrecognized
from matrix_app.protocol.oauth.client_metadata import AUTHORIZATION_CODE, DEVICE_CODE, REFRESH_TOKEN
from matrix_app.services.oauth import clients, device_grants, tokens
from matrix_app.services.oauth.clients import Client
from matrix_app.services.oauth.revocation import revoke
from matrix_app.services.oauth.server_metadata import LINK, PREFIX, require_on, server_metadata
from matrix_app.services.oauth.sessions import Granted
from matrix_app.services.public_address import is_public, public_baseurl

_NEVER_KEPT: Final = {"Cache-Control": "no-store"}
Fields = dict[str, str]


@endpoint(
    "GET",
    "/_matrix/client/v1/auth_metadata",
    "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata",
    auth=Auth.NONE,
)
def auth_metadata(request: Request) -> Json:
    """What clients must know to use the OAuth 2.0 API (GET /auth_metadata).

    Clients that reach this server under another name than its pages have use the legacy API.
    """
    require_on()
    if not is_public(request.host):
        raise Unrecognized("The OAuth 2.0 API is at the public address of this homeserver alone.")
    return Json(server_metadata(), headers={"Cache-Control": "public, max-age=300"})


@endpoint("POST", f"{PREFIX}/register", auth=Auth.NONE, rate="registration")
def register_client(request: Request) -> Json:
    """Register a client ("Dynamic client registration flow")."""
    require_on()
    try:
        body = request.json_object()
    except MatrixError as error:
        raise OAuthError(error.message, error="invalid_client_metadata") from error
    client = clients.register(body)
    metadata = msgspec.to_builtins(client.metadata)
    return Json({"client_id": client.client_id, **metadata}, status=201, headers=_NEVER_KEPT)


@endpoint("POST", f"{PREFIX}/device", auth=Auth.NONE, rate="login")
def authorize_device(request: Request) -> Json:
    """Let a device wait for its user to allow it ("Device authorisation request")."""
    require_on()
    fields = read_form(request)
    started = device_grants.start(clients.find(required(fields, "client_id")), required(fields, "scope"))
    page = f"{public_baseurl()}{LINK}"
    answer = {
        "device_code": started.device_code,
        "user_code": started.user_code,
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={started.user_code}",
        "expires_in": device_grants.LIFETIME_MS // 1000,
        "interval": device_grants.WAIT_SECONDS,
    }
    return Json(answer, headers=_NEVER_KEPT)


@endpoint("POST", f"{PREFIX}/token", auth=Auth.NONE, rate=None)
def token(request: Request) -> Json:
    """Tokens for what was granted ("Grant types").

    It answers when the API is turned off, so that nobody who is signed in is signed out by that.
    """
    _check_rate(request)
    fields = read_form(request)
    grant = _GRANTS.get(required(fields, "grant_type"))
    if grant is None:
        raise OAuthError("This grant type is not supported", error="unsupported_grant_type")
    granted = grant(clients.find(required(fields, "client_id")), fields)
    return Json(granted.body(), headers=_NEVER_KEPT)


def _check_rate(request: Request) -> None:
    """A client that may not refresh now comes back later; one that is answered 4xx signs its user out."""
    try:
        check_rate("write", request)
    except LimitExceeded as error:
        raise Unavailable("Too many requests") from error


def _by_code(client: Client, fields: Fields) -> Granted:
    require_on()
    code, verifier = required(fields, "code"), required(fields, "code_verifier")
    return tokens.exchange_code(client, code, required(fields, "redirect_uri"), verifier)


def _by_device_code(client: Client, fields: Fields) -> Granted:
    require_on()
    return device_grants.exchange(client, required(fields, "device_code"))


def _by_refresh_token(client: Client, fields: Fields) -> Granted:
    return tokens.refresh(client, required(fields, "refresh_token"))


_GRANTS: Final[dict[str, Callable[[Client, Fields], Granted]]] = {
    AUTHORIZATION_CODE: _by_code,
    REFRESH_TOKEN: _by_refresh_token,
    DEVICE_CODE: _by_device_code,
}


@endpoint("POST", f"{PREFIX}/revoke", auth=Auth.NONE, rate="write")
def revoke_token(request: Request) -> Json:
    """End a session by one of its tokens ("Token revocation"), also when the API is turned off."""
    revoke(required(read_form(request), "token"))
    return Json({}, headers=_NEVER_KEPT)
