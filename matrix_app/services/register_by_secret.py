"""Accounts made by programs which know the shared secret, as Synapse's `register_new_matrix_user` does."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict

from appliance.secrets import registration_shared_secret
from matrix_app.protocol.errors import BadRequest, Forbidden
from matrix_app.services.create_account import create_account
from matrix_app.services.passwords import hash_password
from matrix_app.storage.accounts import Account

NONCE_SECONDS = 60.0
MOST_NONCES = 1000

_nonces: OrderedDict[str, float] = OrderedDict()
_lock = threading.Lock()


def new_nonce() -> str:
    """A nonce, good for one registration within a minute."""
    nonce = secrets.token_hex(32)
    with _lock:
        _nonces[nonce] = time.monotonic() + NONCE_SECONDS
        while len(_nonces) > MOST_NONCES:
            _nonces.popitem(last=False)
    return nonce


def register_by_secret(
    nonce: str,
    username: str,
    password: str,
    mac: str,
    *,
    is_admin: bool,
    user_type: str | None = None,
    display_name: str | None = None,
) -> Account:
    """Make an account when `mac` proves that the caller knows the secret; raises `Forbidden` otherwise."""
    with _lock:
        expires = _nonces.pop(nonce, 0.0)
    if expires < time.monotonic():
        raise BadRequest("Unrecognised nonce")
    parts = [nonce, username, password, "admin" if is_admin else "notadmin"]
    if user_type:
        parts.append(user_type)
    expected = hmac.new(registration_shared_secret().encode(), "\0".join(parts).encode(), hashlib.sha1)
    if not hmac.compare_digest(expected.hexdigest().encode(), mac.encode()):
        raise Forbidden("HMAC incorrect")
    return create_account(
        username, password_hash=hash_password(password), is_admin=is_admin, display_name=display_name
    )
