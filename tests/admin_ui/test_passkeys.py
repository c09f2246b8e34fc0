"""Passkeys on the pages: what scripts and forms send, what is shown, and where one is led."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from matrix_app.services import second_factor
from matrix_app.services.audit import CLI
from matrix_app.storage import audit, db, web_sessions
from matrix_app.storage import passkeys as stored
from matrix_app.storage.accounts import Account
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.authenticator import Authenticator
from tests.factories.browser import Browser, Shown, code_of
from tests.factories.settings import settings

pytestmark = pytest.mark.django_db(transaction=True)

ORIGIN = "http://localhost"
FACTORS = "/account/second-factors/"


@pytest.fixture(autouse=True)
def _here() -> Iterator[None]:
    with settings(server={"public_baseurl": ORIGIN}):
        yield


@pytest.fixture
def phone() -> Authenticator:
    return Authenticator(ORIGIN)


@pytest.fixture
def person() -> Account:
    return make_account("pia", admin=True)


@pytest.fixture
def browser(person: Account) -> Browser:
    visitor = Browser()
    visitor.sign_in(person, area="account")
    return visitor


def begun(browser: Browser, address: str, page: str) -> Any:
    """What a script is told."""
    headers = {"Accept": "application/json", "X-CSRFToken": browser.token(page), "Referer": ORIGIN + page}
    return browser.client.post(address, headers=headers).json()


def add(browser: Browser, phone: Authenticator, name: str = "My phone") -> Shown:
    made = phone.create(begun(browser, "/account/passkeys/begin/", FACTORS))
    return browser.post("/account/passkeys/add/", {"credential": made, "name": name}, page=FACTORS)


def use(browser: Browser, phone: Authenticator, page: str, **fields: str) -> Shown:
    """Press the button of a page."""
    answer = phone.get(begun(browser, f"{page}passkey/begin/", page))
    return browser.post(f"{page}passkey/", {"credential": answer, **fields}, page=page)


def test_the_first_passkey_brings_recovery_codes_and_the_second_does_not(
    browser: Browser, phone: Authenticator
) -> None:
    assert len(add(browser, phone).texts(".codes code")) == 10
    assert "has been added" in add(browser, phone, "Key").message
    assert browser.get(FACTORS).texts(".passkeys b") == ["My phone", "Key"]


def test_a_passkey_signs_in_and_leads_to_the_page_that_was_asked_for(
    browser: Browser, phone: Authenticator
) -> None:
    add(browser, phone)
    other = Browser()
    assert use(other, phone, "/admin/sign-in/", next="/admin/users/").address == "/admin/users/"
    evil = Browser()
    shown = use(evil, phone, "/admin/sign-in/", next="https://evil.example/admin/")
    assert shown.address == "/admin/"


def test_a_passkey_is_the_second_step(browser: Browser, phone: Authenticator, person: Account) -> None:
    add(browser, phone)
    other = Browser()
    assert other.sign_in(person).address == "/admin/second-factor/"
    assert use(other, phone, "/admin/second-factor/").address == "/admin/"


def test_the_session_has_a_new_token_after_each_proof(
    browser: Browser, phone: Authenticator, person: Account
) -> None:
    add(browser, phone)
    other = Browser()
    other.sign_in(person)
    before = other.client.cookies["hearth_admin"].value
    use(other, phone, "/admin/second-factor/")
    pending = Browser()
    pending.client.cookies["hearth_admin"] = before
    assert pending.get("/admin/").address == "/admin/sign-in/"


def test_a_passkey_confirms(browser: Browser, phone: Authenticator, person: Account) -> None:
    add(browser, phone)
    with db.write():
        web_sessions.confirm(web_sessions.of_user(person.user_nid)[0].nid, 1)
    nid = stored.of_user(person.user_nid)[0].nid
    remove = f"/account/passkeys/{nid}/remove/"
    assert browser.post(remove, page=FACTORS).address == "/account/confirm/"
    assert use(browser, phone, "/account/confirm/").address == "/account/"
    assert "has been removed" in browser.post(remove, page=FACTORS).message
    assert stored.of_user(person.user_nid) == []


def test_a_script_is_told_where_to_confirm(browser: Browser, person: Account) -> None:
    with db.write():
        web_sessions.confirm(web_sessions.of_user(person.user_nid)[0].nid, 1)
    told = begun(browser, "/account/passkeys/begin/", FACTORS)
    assert told["go_to"].startswith("/account/confirm/?next=")


def test_a_script_is_told_what_is_wrong_in_the_language_of_its_user(person: Account) -> None:
    visitor = Browser()
    visitor.post("/account/language/", {"language": "de"}, page="/account/sign-in/")
    visitor.sign_in(person)
    told = begun(visitor, "/admin/confirm/passkey/begin/", "/admin/confirm/")
    assert told == {"error": "Du hast keinen Passkey"}


def test_what_is_wrong_is_told_on_the_page(browser: Browser, phone: Authenticator) -> None:
    add(browser, phone)
    other = Browser()
    answer = phone.get(begun(other, "/admin/sign-in/passkey/begin/", "/admin/sign-in/"))
    other.client.cookies.pop("hearth_passkey")
    shown = other.post("/admin/sign-in/passkey/", {"credential": answer}, page="/admin/sign-in/")
    assert (shown.address, shown.message) == ("/admin/sign-in/", "That took too long: try again")


def test_a_begun_sign_in_is_kept_from_scripts_and_other_sites() -> None:
    visitor = Browser()
    begun(visitor, "/admin/sign-in/passkey/begin/", "/admin/sign-in/")
    cookie = visitor.client.cookies["hearth_passkey"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["max-age"] == 300


def test_names_are_changed_and_shown_as_text(browser: Browser, phone: Authenticator, person: Account) -> None:
    add(browser, phone)
    nid = stored.of_user(person.user_nid)[0].nid
    browser.post(f"/account/passkeys/{nid}/rename/", {"name": "<b>key</b>"}, page=FACTORS)
    assert browser.get(FACTORS).texts(".passkeys b") == ["<b>key</b>"]
    shown = browser.post(f"/account/passkeys/{nid}/rename/", {"name": " "}, page=FACTORS)
    assert "at most 100 characters" in shown.message
    assert [entry.action for entry in audit.page(before=None, limit=1)] == ["passkey.rename"]


def test_at_another_address_the_page_says_where_passkeys_work(browser: Browser) -> None:
    with settings(server={"public_baseurl": "https://matrix.hearth.example"}):
        assert "https://matrix.hearth.example" in " ".join(browser.get(FACTORS).texts(".notice"))
    with settings(server={"public_baseurl": "http://192.0.2.1"}):
        assert "domain" in " ".join(browser.get(FACTORS).texts(".notice"))


def test_at_the_public_address_the_page_offers_them(browser: Browser) -> None:
    shown = Shown(browser.client.get(FACTORS, headers={"host": "localhost"}))
    form = shown.html.css_first("form[data-passkey=create]")
    assert form is not None
    assert "hidden" in form.attributes  # until a script knows that the browser can
    assert shown.html.css("[data-without-passkeys]")
    sign_in = Shown(Browser().client.get("/admin/sign-in/", headers={"host": "localhost"}))
    assert sign_in.html.css("form[data-passkey=get]")


def test_administrators_are_led_to_their_second_factor_where_they_need_one(
    browser: Browser, person: Account
) -> None:
    with settings(pages={"administrators_need_second_factor": True}):
        browser.sign_in(person)
        shown = browser.get("/admin/users/")
        assert shown.address == FACTORS
        assert "need a second factor" in shown.message
        assert browser.post("/admin/users/new/", {"name": "x"}, page=FACTORS).address == FACTORS
        secret = second_factor.begin_totp(person.user_nid)
        second_factor.confirm_totp(person.user_nid, code_of(secret), CLI)
        assert browser.get("/admin/users/").address == "/admin/users/"
        shown = browser.post(f"{FACTORS}remove/", page=FACTORS)
        assert "another one first" in shown.message
    assert second_factor.has_second_factor(person.user_nid)


def test_others_need_no_second_factor() -> None:
    visitor = Browser()
    visitor.sign_in(make_account(), area="account")
    with settings(pages={"administrators_need_second_factor": True}):
        assert visitor.get("/account/").address == "/account/"


def test_a_suspended_administrator_does_not_get_in(person: Account) -> None:
    visitor = Browser()
    visitor.sign_in(person)
    with db.write():
        db.execute("UPDATE account SET suspended_ts = 1 WHERE user_nid = %s", (person.user_nid,))
    assert visitor.get("/admin/").address == "/admin/sign-in/"
    shown = visitor.post("/admin/sign-in/", {"name": person.user_id, "password": PASSWORD})
    assert "suspended" in " ".join(shown.texts(".notice.error"))
    assert visitor.sign_in(person, area="account").address == "/account/"
