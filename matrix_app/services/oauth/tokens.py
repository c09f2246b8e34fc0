"""The token endpoint: codes become tokens, and refresh tokens new ones."""

from __future__ import annotations

import hmac

from matrix_app.protocol.errors import OAuthError, Unavailable, UnknownToken, UserLocked
from matrix_app.protocol.oauth.pkce import proves
from matrix_app.services import audit, token_marks
from matrix_app.services.access_tokens import hash_token
from matrix_app.services.delete_devices import delete_devices
from matrix_app.services.oauth import sessions
from matrix_app.services.oauth.clients import Client
from matrix_app.services.oauth.sessions import Granted, granted
from matrix_app.services.refresh_tokens import renew
from matrix_app.storage import db, devices, interning, oauth_codes, refresh_tokens
from matrix_app.storage.clock import now_ms
from matrix_app.storage.oauth_codes import OAuthCodeRow
from matrix_app.storage.refresh_tokens import RefreshTokenRow


def _invalid(message: str) -> OAuthError:
    return OAuthError(message, error="invalid_grant")


def exchange_code(client: Client, code: str, redirect_uri: str, verifier: str) -> Granted:
    """Tokens for an authorization code, once; raises `OAuthError`.

    A code that comes again ends the session which has come of it (RFC 6749, section 4.1.2).
    """
    with db.write():
        found = oauth_codes.find(hash_token(code))
        if found is None or found.client_nid != client.nid:
            raise _invalid("The code is unknown or has ended")
        if found.device_nid is None:
            return _used(client, found, redirect_uri, verifier)
        _end_compromised(found.device_nid, found.user_nid, "code")
    raise _invalid("The code has been used before")


def _used(client: Client, code: OAuthCodeRow, redirect_uri: str, verifier: str) -> Granted:
    if code.expires_ts <= now_ms():
        raise _invalid("The code is unknown or has ended")
    if not hmac.compare_digest(code.redirect_uri.encode(), redirect_uri.encode("utf-8", "surrogateescape")):
        raise _invalid("redirect_uri is another than that of the authorisation")
    if not proves(verifier, code.code_challenge):
        raise _invalid("code_verifier does not belong to the code")
    made = sessions.begin(client, code.user_nid, code.scope)
    if not oauth_codes.use(code.code_hash, made.device_nid):
        raise _invalid("The code has been used before")
    return made


def refresh(client: Client, token: str) -> Granted:
    """New tokens for an old refresh token; raises `OAuthError`, or `Unavailable` while the account is locked.

    As with the legacy API, the old one stays valid until one of the new ones is used. One that comes after
    that was stolen, or the new ones were: the session ends.
    """

    def check(row: RefreshTokenRow) -> None:
        session = sessions.of_device(row.device_nid)
        if session is None or session.client_nid != client.nid:
            raise _invalid("The refresh token is not this client's")

    try:
        renewed = renew(token, check)
    except UserLocked as error:
        # A client that is answered 4xx forgets its keys; locking is not for good.
        raise Unavailable(error.message) from error
    except UnknownToken as error:
        _notice_reuse(token, client)
        raise _invalid("The refresh token is unknown or has ended") from error
    session = sessions.of_device(renewed.device_nid)
    return granted(renewed.tokens, renewed.device_nid, session.scope if session else "")


def _notice_reuse(token: str, client: Client) -> None:
    """End the session of a refresh token whose successor has been used: its mark tells of which it was."""
    mark = token_marks.read(token) if token.startswith("hrt_") else None
    if mark is None:
        return
    with db.write():
        session = sessions.of_device(mark.device_nid)
        if session is None or session.client_nid != client.nid or mark.made_ts < session.created_ts:
            return
        oldest = refresh_tokens.oldest_ts(mark.device_nid)
        # A successor that was replaced before anybody used it is no sign of a thief.
        if oldest is not None and mark.made_ts < oldest:
            device = devices.by_nid(mark.device_nid)
            assert device is not None
            _end_compromised(device.nid, device.user_nid, "refresh token")


def _end_compromised(device_nid: int, user_nid: int, what: str) -> None:
    device = devices.by_nid(device_nid)
    if device is None or sessions.of_device(device_nid) is None:
        return
    delete_devices(user_nid, [device.device_id])
    target = interning.user_id_of(user_nid)
    audit.record(audit.HEARTH, "session.compromised", target, device=device.device_id, used_twice=what)
