"""Checking somebody's password, slowly for those who guess."""

from __future__ import annotations

from matrix_app.http.rate_limit import give_back, take
from matrix_app.services import passwords
from matrix_app.storage.accounts import Account


def check_password(account: Account | None, password: str, ip: str) -> bool:
    """Whether a password is the account's; an account that does not exist takes as long to say no.

    Failures are counted for the account and for the address; raises `LimitExceeded`.
    """
    buckets = [f"password of {account.user_nid}" if account else "password of nobody", f"password from {ip}"]
    for bucket in buckets:
        take("login", bucket)
    stored = None if account is None else account.password_hash
    if not passwords.password_matches(password, stored) or account is None or stored is None:
        return False
    for bucket in buckets:
        give_back("login", bucket)
    if account.deactivated_ts is None:
        passwords.keep_hash_current(account.user_nid, password, stored)
    return True
