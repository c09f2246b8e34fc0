"""The device authorisation grant (RFC 8628): a device shows a code, which its user types in a browser."""

from __future__ import annotations

import secrets
from typing import Final, NamedTuple

from matrix_app.http.rate_limit import give_back, take
from matrix_app.protocol.errors import NotFound, OAuthError
from matrix_app.protocol.oauth.client_metadata import DEVICE_CODE
from matrix_app.protocol.oauth.scope import Scope, parse_scope
from matrix_app.services.access_tokens import hash_token, new_token
from matrix_app.services.audit import Actor
from matrix_app.services.create_session import check_new_device
from matrix_app.services.oauth import clients, sessions
from matrix_app.services.oauth.authorization import record_grant
from matrix_app.services.oauth.clients import Client
from matrix_app.services.oauth.sessions import Granted
from matrix_app.storage import db, oauth_clients, oauth_device_grants
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms
from matrix_app.storage.oauth_device_grants import DeviceGrantRow

LIFETIME_MS: Final = 20 * 60_000
WAIT_SECONDS: Final = 5
SLOWER_SECONDS: Final = 5
MOST_WAITING: Final = 10_000
# "a character set that avoids ... vowels": 20^8 codes.
_LETTERS: Final = "BCDFGHJKLMNPQRSTVWXZ"
_LENGTH: Final = 8


class Started(NamedTuple):
    """What a device is told that asks to be allowed."""

    device_code: str
    user_code: str


class Waiting(NamedTuple):
    """A device that waits, as its user is shown it."""

    user_code: str
    client: Client
    scope: Scope


def start(client: Client, scope: str) -> Started:
    """Let a device wait to be allowed; raises `OAuthError`."""
    if DEVICE_CODE not in client.metadata.grant_types:
        raise OAuthError("The client has not registered for this grant", error="unauthorized_client")
    checked = parse_scope(scope)
    device_code, user_code = new_token("hdc"), "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    now = now_ms()
    with db.write():
        if oauth_device_grants.count_waiting(now) >= MOST_WAITING:
            raise OAuthError("Too many devices wait", error="temporarily_unavailable", status=503)
        oauth_clients.touch(client.nid, now)
        oauth_device_grants.put(
            DeviceGrantRow(
                hash_token(device_code),
                _hash(user_code),
                client.nid,
                checked.text,
                None,
                None,
                WAIT_SECONDS,
                0,
                now + LIFETIME_MS,
            )
        )
    return Started(device_code, _shown(user_code))


def _hash(user_code: str) -> bytes:
    return hash_token(f"user code {user_code}")


def _shown(user_code: str) -> str:
    return f"{user_code[:4]}-{user_code[4:]}"


def _typed(text: str) -> str:
    """A code as people type it: in small letters, with spaces or without."""
    return "".join(letter for letter in text[:100].upper() if letter.isalnum())


def look_up(text: str, account: Account, ip: str) -> Waiting:
    """The device whose code somebody has typed; raises `NotFound`, or `LimitExceeded` for who guesses."""
    tried = [("login", f"user code {account.user_nid}"), ("login", f"user code {ip}")]
    for name, who in tried:
        take(name, who)
    code = _typed(text)
    grant = oauth_device_grants.by_user_code(_hash(code), now_ms())
    client = None if grant is None else clients.by_nid(grant.client_nid)
    if grant is None or client is None:
        raise NotFound("There is no such code, or it has expired: begin anew on the device")
    for name, who in tried:
        give_back(name, who)
    return Waiting(_shown(code), client, parse_scope(grant.scope))


def decide(actor: Actor, account: Account, waiting: Waiting, *, allowed: bool) -> None:
    """Allow a device to sign in, or refuse it. Raises `NotFound` when it is too late, or `Forbidden`."""
    if allowed:
        check_new_device(account.user_nid, waiting.scope.device_id)
    with db.write():
        user_code_hash = _hash(_typed(waiting.user_code))
        if not oauth_device_grants.decide(user_code_hash, account.user_nid, allowed, now_ms()):
            raise NotFound("There is no such code, or it has expired: begin anew on the device")
        if allowed:
            record_grant(actor, account, waiting.client, waiting.scope)


def exchange(client: Client, device_code: str) -> Granted:
    """Tokens once the user has allowed it; raises `OAuthError` with what a device that waits is to know."""
    with db.write():
        grant = oauth_device_grants.by_device_code(hash_token(device_code))
        if grant is None or grant.client_nid != client.nid:
            raise OAuthError("The device code is unknown", error="invalid_grant")
        if grant.expires_ts <= now_ms():
            raise OAuthError("Nobody has allowed it in time", error="expired_token")
        if grant.allowed and grant.user_nid is not None:
            oauth_device_grants.delete(grant.device_code_hash)
            return sessions.begin(client, grant.user_nid, grant.scope)
        answer = _still(grant)
    raise answer


def _still(grant: DeviceGrantRow) -> OAuthError:
    """Why there are no tokens yet."""
    now = now_ms()
    if grant.allowed is False:
        oauth_device_grants.delete(grant.device_code_hash)
        return OAuthError("The user has refused", error="access_denied")
    early = now - grant.asked_ts < grant.wait_seconds * 1000
    wait = grant.wait_seconds + (SLOWER_SECONDS if early else 0)
    oauth_device_grants.asked(grant.device_code_hash, wait, now)
    if early:
        return OAuthError(f"Ask every {wait} seconds", error="slow_down")
    return OAuthError("The user has not decided yet", error="authorization_pending")
