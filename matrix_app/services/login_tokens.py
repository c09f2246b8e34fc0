"""Tokens with which a second client signs in ("Token-based login")."""

from __future__ import annotations

from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden
from matrix_app.services.access_tokens import hash_token, new_token
from matrix_app.services.log_in import check_active
from matrix_app.storage import accounts, db, one_time_tokens
from matrix_app.storage.accounts import Account
from matrix_app.storage.clock import now_ms

_PURPOSE = "login"


def make_login_token(user_nid: int, *, seconds: int | None = None) -> tuple[str, int]:
    """A token for one login as the user, and for how many milliseconds it is valid."""
    lifetime = (seconds or get_config().registration.login_token_seconds) * 1000
    token = new_token("hlt")
    now = now_ms()
    with db.write():
        one_time_tokens.put(hash_token(token), _PURPOSE, user_nid, now + lifetime, now)
    return token, lifetime


def by_login_token(token: str) -> Account:
    """The account that a login token belongs to; the token ends. Raises `Forbidden` or `UserDeactivated`."""
    with db.write():
        user_nid = one_time_tokens.take(hash_token(token), _PURPOSE, now_ms())
    account = None if user_nid is None else accounts.get(user_nid)
    if account is None:
        raise Forbidden("Invalid login token")
    check_active(account)
    return account
