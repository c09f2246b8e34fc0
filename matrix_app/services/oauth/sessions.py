"""Devices that have signed in by the OAuth 2.0 API: how they begin, and what they may not do."""

from __future__ import annotations

from typing import Any, NamedTuple

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import MatrixError, OAuthError
from matrix_app.protocol.oauth.client_metadata import ClientMetadata
from matrix_app.protocol.oauth.scope import parse_scope
from matrix_app.services.create_session import Tokens, create_session
from matrix_app.services.log_in import check_active
from matrix_app.services.oauth import clients
from matrix_app.services.oauth.clients import Client
from matrix_app.storage import accounts, oauth_clients, oauth_sessions
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from matrix_app.storage.oauth_sessions import OAuthSessionRow


class Granted(NamedTuple):
    """Tokens that a client gets, and the device that they are for."""

    device_nid: int
    access_token: str
    refresh_token: str
    expires_in: int
    scope: str

    def body(self) -> dict[str, Any]:
        """The answer of the token endpoint (RFC 6749, section 5.1)."""
        return {
            "access_token": self.access_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
            "refresh_token": self.refresh_token,
            "scope": self.scope,
        }


def granted(tokens: Tokens, device_nid: int, scope: str) -> Granted:
    """Tokens as the token endpoint tells of them."""
    assert tokens.refresh_token is not None
    assert tokens.expires_in_ms is not None
    return Granted(device_nid, tokens.access_token, tokens.refresh_token, tokens.expires_in_ms // 1000, scope)


def begin(client: Client, user_nid: int, scope: str) -> Granted:
    """Sign a device in, inside a transaction; raises `OAuthError` where the account may not sign in."""
    account = _account(user_nid)
    device_id, now = parse_scope(scope).device_id, now_ms()
    try:
        made = create_session(
            account.user_id,
            account.user_nid,
            device_id=device_id,
            display_name=client.metadata.name,
            refreshable=True,
        )
    except MatrixError as error:
        raise OAuthError(error.message, error="invalid_grant") from error
    oauth_sessions.put(OAuthSessionRow(made.device_nid, client.nid, scope, now))
    oauth_clients.touch(client.nid, now)
    tokens = Tokens(made.access_token, made.refresh_token, made.expires_in_ms, None)
    return granted(tokens, made.device_nid, scope)


def _account(user_nid: int) -> Account:
    account = accounts.get(user_nid)
    if account is None:
        raise OAuthError("There is no such account", error="invalid_grant")
    try:
        check_active(account)
    except MatrixError as error:
        raise OAuthError(error.message, error="invalid_grant") from error
    return account


def app_of(device_nid: int) -> ClientMetadata | None:
    """The app that a device is, where it has signed in by the OAuth 2.0 API."""
    session = oauth_sessions.of_device(device_nid)
    client = None if session is None else clients.by_nid(session.client_nid)
    return None if client is None else client.metadata


def is_oauth(requester: Requester) -> bool:
    """Whether a request comes from a device that has signed in by the OAuth 2.0 API."""
    return requester.device_nid is not None and of_device(requester.device_nid) is not None


def of_device(device_nid: int) -> OAuthSessionRow | None:
    """The session of a device; None for one that signed in by the legacy API."""
    return oauth_sessions.of_device(device_nid)
