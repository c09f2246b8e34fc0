"""Hashing passwords, and what a password must be."""

from __future__ import annotations

import time

import pytest

from matrix_app.protocol.errors import InvalidParam, WeakPassword
from matrix_app.services.check_password import check_password
from matrix_app.services.passwords import LONGEST, check_policy, hash_password, password_matches
from matrix_app.storage import accounts
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.settings import settings


def test_a_hash_fits_its_password_only() -> None:
    stored = hash_password("correct horse")
    assert stored.startswith("$argon2id$")
    assert password_matches("correct horse", stored)
    assert not password_matches("Correct horse", stored)
    assert not password_matches("", stored)
    assert hash_password("correct horse") != stored


def test_the_same_characters_are_the_same_password_however_they_are_encoded() -> None:
    assert password_matches("u\u0308bung", hash_password("\u00fcbung"))


def test_nobody_has_an_empty_password_by_having_none() -> None:
    assert not password_matches("", None)
    assert not password_matches("", "")
    assert not password_matches("x", "not a hash")


def test_overlong_passwords_are_not_even_hashed() -> None:
    with pytest.raises(InvalidParam):
        hash_password("x" * (LONGEST + 1))
    assert not password_matches("x" * (LONGEST + 1), hash_password("x"))


def test_an_account_that_is_not_there_takes_as_long_as_one_that_is() -> None:
    with settings(password_policy={"argon2_memory_kib": 8192, "argon2_rounds": 8}):
        stored = hash_password("x")
        password_matches("y", None)
        times = []
        for hashed in (stored, None):
            begin = time.thread_time()
            password_matches("y", hashed)
            times.append(time.thread_time() - begin)
    assert times[1] > times[0] / 3


@pytest.mark.django_db(transaction=True)
def test_a_password_is_hashed_anew_when_the_costs_have_changed() -> None:
    account = make_account()
    with settings(password_policy={"argon2_rounds": 2}):
        assert check_password(account, PASSWORD, "192.0.2.1")
    found = accounts.get(account.user_nid)
    assert found is not None
    assert found.password_hash is not None
    assert ",t=2," in found.password_hash
    assert password_matches(PASSWORD, found.password_hash)


@pytest.mark.parametrize(
    ("key", "weak"),
    [
        ("require_digit", "Letters+"),
        ("require_symbol", "Letters1"),
        ("require_lowercase", "LETTERS1+"),
        ("require_uppercase", "letters1+"),
    ],
)
def test_the_policy_is_the_configured_one(key: str, weak: str) -> None:
    check_policy(weak)
    with settings(password_policy={key: True}):
        check_policy("Letters1+")
        with pytest.raises(WeakPassword):
            check_policy(weak)


def test_short_passwords_are_weak() -> None:
    with pytest.raises(WeakPassword):
        check_policy("1234567")
