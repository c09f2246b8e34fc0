"""The authorisation code grant: what a client asks for in a browser, and the code that it gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple
from urllib.parse import urlencode

from matrix_app.protocol.errors import InvalidParam, OAuthError
from matrix_app.protocol.ids import parse_text
from matrix_app.protocol.oauth.client_metadata import AUTHORIZATION_CODE
from matrix_app.protocol.oauth.pkce import is_challenge
from matrix_app.protocol.oauth.scope import Scope, parse_scope
from matrix_app.protocol.oauth.uris import LONGEST_URI, matches
from matrix_app.services import audit
from matrix_app.services.access_tokens import hash_token, new_token
from matrix_app.services.audit import Actor
from matrix_app.services.create_session import check_new_device
from matrix_app.services.oauth import clients
from matrix_app.services.oauth.clients import Client
from matrix_app.services.oauth.server_metadata import issuer
from matrix_app.storage import db, oauth_clients, oauth_codes
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from matrix_app.storage.oauth_codes import OAuthCodeRow

# How long a code is valid: the client exchanges it at once.
CODE_MS: Final = 120_000
LONGEST_STATE: Final = 2000
RESPONSE_MODES: Final = ("query", "fragment")
# Those that ask for what happens anyway: the user is always shown who asks, and may become another.
_HARMLESS_PROMPTS: Final = frozenset({"consent", "login", "select_account"})

Parameters = Mapping[str, Sequence[str]]


class AuthorizationRequest(NamedTuple):
    """What a client asks for, checked."""

    client: Client
    redirect_uri: str
    response_mode: str
    state: str | None
    scope: Scope
    code_challenge: str
    wants_account: bool

    def answer(self, **values: str) -> str:
        """Where the browser goes with an answer ("Callback")."""
        return callback(self.redirect_uri, self.response_mode, self.state, **values)


def callback(redirect_uri: str, response_mode: str, state: str | None, **values: str) -> str:
    """A redirect URI with an answer, and with the issuer so that clients cannot mix servers up (RFC 9207)."""
    given = {"state": state} if state is not None else {}
    query = urlencode({**given, **values, "iss": issuer()})
    if response_mode == "fragment":
        return f"{redirect_uri}#{query}"
    return f"{redirect_uri}{'&' if '?' in redirect_uri else '?'}{query}"


def read_request(given: Parameters) -> AuthorizationRequest:
    """The request of a client; raises `OAuthError`.

    The error has an address to go back to once it is sure to be the client's. Nobody is sent there without
    having pressed something: anybody may register a client (RFC 9700, section 4.11.2).
    """
    client = clients.find(_one(given, "client_id") or "")
    redirect_uri = _redirect_uri(given, client)
    mode, state = "query", None
    try:
        state = _state(given)
        mode = _response_mode(given)
        return _checked(given, client, redirect_uri, mode, state)
    except OAuthError as error:
        told = {"error": error.error, "error_description": error.message}
        error.back = callback(redirect_uri, mode, state, **told)
        raise


def _redirect_uri(given: Parameters, client: Client) -> str:
    uri = _one(given, "redirect_uri") or ""
    if len(uri) > LONGEST_URI or not any(matches(uri, known) for known in client.metadata.redirect_uris):
        raise OAuthError("redirect_uri is none that the client has registered", error="invalid_request")
    return uri


def _checked(
    given: Parameters, client: Client, redirect_uri: str, mode: str, state: str | None
) -> AuthorizationRequest:
    if AUTHORIZATION_CODE not in client.metadata.grant_types:
        raise OAuthError("The client has not registered for this grant", error="unauthorized_client")
    if _one(given, "response_type") != "code":
        raise OAuthError("response_type must be code", error="unsupported_response_type")
    if any(name in given for name in ("request", "request_uri", "registration")):
        raise OAuthError("Request objects are not supported", error="request_not_supported")
    challenge = _one(given, "code_challenge") or ""
    if _one(given, "code_challenge_method") != "S256" or not is_challenge(challenge):
        raise OAuthError("A code_challenge with the method S256 is needed", error="invalid_request")
    scope = parse_scope(_one(given, "scope") or "")
    return AuthorizationRequest(client, redirect_uri, mode, state, scope, challenge, _wants_account(given))


def _state(given: Parameters) -> str | None:
    state = _one(given, "state")
    if state is not None and len(state) > LONGEST_STATE:
        raise OAuthError("state is too long", error="invalid_request")
    return state


def _response_mode(given: Parameters) -> str:
    mode = _one(given, "response_mode") or RESPONSE_MODES[0]
    if mode not in RESPONSE_MODES:
        raise OAuthError(f"response_mode must be {' or '.join(RESPONSE_MODES)}", error="invalid_request")
    return mode


def _wants_account(given: Parameters) -> bool:
    prompts = set((_one(given, "prompt") or "").split())
    if "none" in prompts:
        raise OAuthError("The user has to allow every sign-in", error="interaction_required")
    if unknown := prompts - _HARMLESS_PROMPTS - {"create"}:
        raise OAuthError(f"prompt {min(unknown)} is not supported", error="invalid_request")
    return "create" in prompts


def _one(given: Parameters, name: str) -> str | None:
    """A parameter; an empty one counts as left out, and none may come twice (RFC 6749, section 3.1)."""
    values = given.get(name, ())
    if len(values) > 1:
        raise OAuthError(f"{name} is given more than once", error="invalid_request")
    if not values or not values[0]:
        return None
    try:
        return parse_text(values[0])
    except InvalidParam as error:
        raise OAuthError(f"{name} contains a NUL character", error="invalid_request") from error


def grant(actor: Actor, account: Account, request: AuthorizationRequest) -> str:
    """Let a client sign a device of a user in; where the browser goes with the code.

    Raises `Forbidden` for a device that the user cannot have.
    """
    code, now = new_token("hac"), now_ms()
    check_new_device(account.user_nid, request.scope.device_id)
    with db.write():
        oauth_clients.touch(request.client.nid, now)
        oauth_codes.put(
            OAuthCodeRow(
                hash_token(code),
                request.client.nid,
                account.user_nid,
                request.redirect_uri,
                request.code_challenge,
                request.scope.text,
                now + CODE_MS,
            )
        )
        record_grant(actor, account, request.client, request.scope)
    return request.answer(code=code)


def record_grant(actor: Actor, account: Account, client: Client, scope: Scope) -> None:
    """Write down that somebody has let an app sign in."""
    told = {"app": client.metadata.name, "host": client.metadata.host, "device": scope.device_id}
    audit.record(actor, "account.allow_app", account.user_id, **told)


def deny(request: AuthorizationRequest) -> str:
    """Where the browser goes with the news that the user does not want it."""
    return request.answer(error="access_denied", error_description="The user has refused")
