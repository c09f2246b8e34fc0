"""Refresh tokens ("Refreshing access tokens" of the client-server API)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from matrix_app.protocol.errors import UnknownToken, UserLocked
from matrix_app.services import lost_time
from matrix_app.services.access_tokens import hash_token
from matrix_app.services.create_session import Tokens, issue_tokens
from matrix_app.storage import accounts, db, devices, oauth_sessions, refresh_tokens, sessions
from matrix_app.storage.clock import now_ms
from matrix_app.storage.refresh_tokens import RefreshTokenRow


class Renewed(NamedTuple):
    """New tokens, and the device that they are for."""

    tokens: Tokens
    device_nid: int


def refresh(token: str) -> Tokens:
    """New tokens for an old refresh token of the legacy API; raises `UnknownToken` or `UserLocked`."""
    return renew(token, _check_legacy).tokens


def _check_legacy(row: RefreshTokenRow) -> None:
    # "clients MUST only use the API that was used to obtain their current access token"
    if oauth_sessions.of_device(row.device_nid) is not None:
        raise UnknownToken("Unknown refresh token")


def renew(token: str, check: Callable[[RefreshTokenRow], None]) -> Renewed:
    """New tokens for an old refresh token that `check` takes; raises `UnknownToken` or `UserLocked`.

    The old one stays valid until one of the new ones is used, so that a client which never got the answer
    can ask again: what it missed ends then.
    """
    with db.write():
        old = refresh_tokens.find(hash_token(token)) or _lost(token)
        if old is None or (old.expires_ts is not None and old.expires_ts <= now_ms()):
            raise UnknownToken("Unknown refresh token")
        if not devices.hold(old.device_nid):
            # It is just being deleted, with the tokens that it had: new ones would outlive it.
            raise UnknownToken("Unknown refresh token")
        check(old)
        _check_account(old.user_nid)
        # The use of a refresh token ends the one before it, as the use of its access token would.
        refresh_tokens.delete_before(old.nid)
        if old.next_nid is not None:
            refresh_tokens.delete(old.next_nid)
        tokens = issue_tokens(old.user_nid, old.device_nid, refreshable=True)
        assert tokens.refresh_token_nid is not None
        refresh_tokens.replace(old.nid, tokens.refresh_token_nid)
    return Renewed(tokens, old.device_nid)


def _lost(token: str) -> RefreshTokenRow | None:
    """A refresh token that a restore has made unknown takes the place of those that its device had before."""
    device = lost_time.device_of(token)
    if device is None or not lost_time.may_refresh(device):
        return None
    sessions.end_tokens_of_device(device.nid)
    refresh_tokens.put(hash_token(token), device.user_nid, device.nid, None, now_ms())
    return refresh_tokens.find(hash_token(token))


def _check_account(user_nid: int) -> None:
    account = accounts.get(user_nid)
    if account is None or account.deactivated_ts is not None:
        raise UnknownToken("Unknown refresh token")
    if account.locked_ts is not None:
        raise UserLocked("This account has been locked")


def access_token_used(token_nid: int, refresh_token_nid: int) -> None:
    """The first use of a refreshed access token ends the tokens before it: its client has it."""
    with db.write():
        sessions.mark_used(token_nid)
        refresh_tokens.delete_before(refresh_token_nid)
