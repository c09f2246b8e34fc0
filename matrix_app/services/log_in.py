"""Signing in with what proves who somebody is ("Login" of the client-server API)."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.errors import Forbidden, UserDeactivated
from matrix_app.services.check_password import check_password
from matrix_app.services.find_account import find_account
from matrix_app.storage.accounts import Account


def by_password(identifier: dict[str, Any], password: str, ip: str) -> Account:
    """The account whose password this is; raises `Forbidden`, `UserDeactivated` or `LimitExceeded`."""
    account = find_account(identifier)
    if not check_password(account, password, ip) or account is None:
        raise Forbidden("Invalid user name or password")
    check_active(account)
    return account


def check_active(account: Account) -> None:
    """Raise `UserDeactivated` for an account that has ended."""
    if account.deactivated_ts is not None:
        raise UserDeactivated("This account has been deactivated")
