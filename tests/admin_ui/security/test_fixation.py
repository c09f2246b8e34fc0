"""A session that somebody knew before something was proved is worth nothing after it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from matrix_app.services import second_factor
from matrix_app.services.audit import CLI
from matrix_app.storage.accounts import Account
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.browser import Browser, code_of

pytestmark = pytest.mark.django_db(transaction=True)

COOKIE = "hearth_account"
NEW = "an entirely new sentence"


@pytest.fixture
def person() -> Account:
    return make_account("pia")


def known_to(visitor: Browser) -> str:
    return visitor.client.cookies[COOKIE].value


def opens(token: str) -> bool:
    thief = Browser()
    thief.client.cookies[COOKIE] = token
    return thief.get("/account/").address == "/account/"


def test_signing_in_takes_no_token_that_was_there(person: Account) -> None:
    victim, attacker = Browser(), Browser()
    attacker.sign_in(make_account(), area="account")
    victim.client.cookies[COOKIE] = known_to(attacker)
    victim.sign_in(person, area="account")
    assert known_to(victim) != known_to(attacker)
    assert "pia" in victim.get("/account/").text
    assert "pia" not in attacker.get("/account/").text


@pytest.mark.parametrize(
    "prove",
    [
        lambda visitor: visitor.post("/account/confirm/", {"password": PASSWORD}),
        lambda visitor: visitor.post("/account/password/", {"present": PASSWORD, "new": NEW, "again": NEW}),
    ],
    ids=["confirming", "changing the password"],
)
def test_each_proof_changes_the_token(person: Account, prove: Callable[[Browser], object]) -> None:
    visitor = Browser()
    visitor.sign_in(person, area="account")
    before = known_to(visitor)
    assert opens(before)
    prove(visitor)
    assert not opens(before)
    assert opens(known_to(visitor))


def test_the_second_factor_changes_the_token(person: Account) -> None:
    secret = second_factor.begin_totp(person.user_nid)
    codes = second_factor.confirm_totp(person.user_nid, code_of(secret), CLI)
    visitor = Browser()
    visitor.sign_in(person, area="account")
    before = known_to(visitor)
    visitor.post("/account/second-factor/", {"code": codes[0]})
    assert not opens(before)
    assert opens(known_to(visitor))


def test_signing_out_ends_the_session_and_not_only_the_cookie(person: Account) -> None:
    visitor = Browser()
    visitor.sign_in(person, area="account")
    before = known_to(visitor)
    visitor.post("/account/sign-out/", page="/account/")
    assert not opens(before)


@pytest.mark.parametrize("area", ["admin", "account"])
def test_cookies_of_sessions_are_for_this_host_over_https_alone(area: str) -> None:
    owner = make_account(admin=True)
    visitor = Browser()
    visitor.client.get(f"/{area}/sign-in/", secure=True)
    fields = {
        "name": owner.user_id,
        "password": PASSWORD,
        "csrfmiddlewaretoken": visitor.token(f"/{area}/sign-in/"),
    }
    headers = {"Referer": "https://testserver/"}
    visitor.client.post(f"/{area}/sign-in/", fields, secure=True, headers=headers)
    cookie = visitor.client.cookies[f"__Host-hearth_{area}"]
    assert cookie["secure"]
    assert cookie["httponly"]
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert cookie["samesite"] == ("Lax" if area == "account" else "Strict")
