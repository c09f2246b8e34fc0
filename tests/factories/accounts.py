"""Accounts with passwords, and people who sign in to them."""

from __future__ import annotations

import itertools
from typing import Any

from matrix_app.services.create_account import create_account
from matrix_app.services.passwords import hash_password
from matrix_app.storage import db, threepids
from matrix_app.storage.accounts import Account
from matrix_app.storage.threepids import ThreePidRow
from tests.factories.visitor import Reply, post

PASSWORD = "a horse, a battery and a staple"

_serial = itertools.count(1)


def make_account(localpart: str | None = None, *, email: str | None = None, admin: bool = False) -> Account:
    """An account whose password is PASSWORD."""
    name = localpart or f"person{next(_serial)}"
    account = create_account(name, password_hash=hash_password(PASSWORD), is_admin=admin)
    if email is not None:
        with db.write():
            threepids.insert(account.user_nid, ThreePidRow("email", email, 1, 1))
    return account


def log_in(account: Account, **extra: Any) -> Reply:
    """Sign in with the account's password."""
    identifier = {"type": "m.id.user", "user": account.user_id}
    return post(
        "/login", {"type": "m.login.password", "identifier": identifier, "password": PASSWORD, **extra}
    )


def token_for(account: Account, device_id: str | None = None) -> str:
    """An access token of a new session."""
    reply = log_in(account, **({} if device_id is None else {"device_id": device_id}))
    assert reply.status == 200, reply.text
    token: str = reply.body["access_token"]
    return token


def password_stage(account: Account, password: str = PASSWORD, **extra: Any) -> dict[str, Any]:
    """The `auth` of the password stage."""
    identifier = {"type": "m.id.user", "user": account.user_id}
    return {"type": "m.login.password", "identifier": identifier, "password": password, **extra}
