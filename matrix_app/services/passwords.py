"""Passwords: their policy, and Argon2id hashes of them.

Hashing takes milliseconds and memory on purpose: call it outside of transactions. At most a few run
at a time in a process, so that a burst of logins cannot take all memory.
"""

from __future__ import annotations

import threading
import unicodedata
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from appliance.config import get_config
from matrix_app.protocol.errors import InvalidParam, WeakPassword
from matrix_app.protocol.said import said
from matrix_app.storage import accounts, db

LONGEST = 512
AT_A_TIME = 2

_slots = threading.BoundedSemaphore(AT_A_TIME)


@lru_cache(maxsize=4)
def _hasher(memory_kib: int, rounds: int) -> PasswordHasher:
    return PasswordHasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1)


def _configured() -> PasswordHasher:
    policy = get_config().password_policy
    return _hasher(policy.argon2_memory_kib, policy.argon2_rounds)


@lru_cache(maxsize=4)
def _nobodys_hash(hasher: PasswordHasher) -> str:
    return hasher.hash("")


def _normalised(password: str) -> bytes:
    # The same characters typed on different systems may be encoded differently; NFKC makes them equal.
    try:
        return unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError:
        raise InvalidParam("The password has surrogate code points") from None


def hash_password(password: str) -> str:
    """The hash that is stored of a password; raises `InvalidParam` for one that is too long."""
    check_length(password)
    with _slots:
        return _configured().hash(_normalised(password))


def check_length(password: str) -> None:
    """Raise `InvalidParam` when a password is longer than anybody types."""
    if len(password) > LONGEST:
        raise InvalidParam("The password is too long")


def password_matches(password: str, stored: str | None) -> bool:
    """Whether a password is the one of a hash.

    Without a hash the answer is no, and takes as long: nobody learns from the time which accounts exist.
    """
    if len(password) > LONGEST:
        return False
    hasher = _configured()
    with _slots:
        try:
            matches = hasher.verify(stored or _nobodys_hash(hasher), _normalised(password))
        except (VerificationError, InvalidHashError):
            return False
    return matches and bool(stored)


def keep_hash_current(user_nid: int, password: str, stored: str) -> None:
    """Hash a password that has just been verified again if the configured costs have changed."""
    if not _configured().check_needs_rehash(stored):
        return
    new = hash_password(password)
    with db.write():
        accounts.replace_password_hash(user_nid, stored, new)


def check_policy(password: str) -> None:
    """Raise `WeakPassword` when a new password does not meet the configured policy."""
    policy = get_config().password_policy
    if len(password) < policy.minimum_length:
        raise WeakPassword(
            said(
                "The password must have at least {count} characters",
                count=policy.minimum_length,
            )
        )
    if policy.require_digit and not any(char.isdigit() for char in password):
        raise WeakPassword("The password must have a digit")
    if policy.require_symbol and all(char.isalnum() for char in password):
        raise WeakPassword("The password must have a symbol")
    if policy.require_lowercase and not any(char.islower() for char in password):
        raise WeakPassword("The password must have a small letter")
    if policy.require_uppercase and not any(char.isupper() for char in password):
        raise WeakPassword("The password must have a capital letter")
