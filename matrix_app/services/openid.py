"""OpenID tokens, by which users show to other services who they are ("OpenID")."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.errors import UnknownToken
from matrix_app.services.access_tokens import hash_token, new_token
from matrix_app.storage import accounts, db, one_time_tokens
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name

LIFETIME_SECONDS = 3600
_PURPOSE = "openid"


def make_openid_token(user_nid: int) -> dict[str, Any]:
    """The token object for a user."""
    token = new_token("hot")
    now = now_ms()
    with db.write():
        one_time_tokens.put(hash_token(token), _PURPOSE, user_nid, now + LIFETIME_SECONDS * 1000, now)
    return {
        "access_token": token,
        "token_type": "Bearer",
        "matrix_server_name": local_server_name(),
        "expires_in": LIFETIME_SECONDS,
    }


def openid_user(token: str) -> str:
    """The user ID that a token stands for; raises `UnknownToken`."""
    user_nid = one_time_tokens.owner(hash_token(token), _PURPOSE, now_ms())
    account = None if user_nid is None else accounts.get(user_nid)
    if account is None or account.deactivated_ts is not None:
        raise UnknownToken("The token is unknown or has expired")
    return account.user_id
