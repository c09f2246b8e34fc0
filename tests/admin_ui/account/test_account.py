"""Everybody's own account on its pages."""

from __future__ import annotations

import pytest

from matrix_app.storage import accounts, audit, db, second_factors
from matrix_app.storage.accounts import Account
from tests.factories.accounts import PASSWORD, log_in, make_account, token_for
from tests.factories.browser import Browser, code_of

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_account_does_not_open_the_administration(browser: Browser) -> None:
    assert browser.get("/account/").status == 200
    assert browser.get("/admin/").address == "/admin/sign-in/"


def test_the_session_of_the_administration_is_not_that_of_the_account() -> None:
    admin = make_account(admin=True)
    visitor = Browser()
    visitor.sign_in(admin)
    visitor.client.cookies["hearth_account"] = visitor.client.cookies["hearth_admin"].value
    assert visitor.get("/account/").address == "/account/sign-in/"


def test_own_devices_are_signed_out_and_others_are_not_touched(browser: Browser, person: Account) -> None:
    other = make_account()
    token_for(person, "PHONE")
    token_for(other, "PHONE")
    browser.post("/account/devices/", {"chosen": ["PHONE"]}, page="/account/")
    assert "PHONE" not in browser.get("/account/").text
    assert db.value("SELECT count(*) FROM device WHERE user_nid = %s", (other.user_nid,)) == 1


def test_another_browser_is_signed_out(browser: Browser, person: Account) -> None:
    other = Browser()
    other.sign_in(person, area="account")
    ends = browser.get("/account/").html.css("button[name=session]")
    browser.post("/account/sessions/end/", {"session": str(ends[0].attributes["value"])}, page="/account/")
    assert other.get("/account/").address == "/account/sign-in/"
    assert browser.get("/account/").address == "/account/"


def test_nobody_ends_the_session_of_another_user(browser: Browser) -> None:
    other, account = Browser(), make_account()
    other.sign_in(account, area="account")
    nid = db.value("SELECT max(nid) FROM web_session WHERE user_nid = %s", (account.user_nid,))
    browser.post("/account/sessions/end/", {"session": str(nid)}, page="/account/")
    assert other.get("/account/").address == "/account/"


def test_the_password_is_changed_with_the_present_one(browser: Browser, person: Account) -> None:
    fields = {"present": "wrong", "new": "an entirely new one", "again": "an entirely new one"}
    assert browser.post("/account/password/", fields).texts(".notice.error")
    shown = browser.post("/account/password/", {**fields, "present": PASSWORD, "sign_out": "on"})
    assert shown.address == "/account/"
    assert log_in(person).status == 403
    assert browser.get("/account/").address == "/account/"


def test_an_authenticator_app_is_added_used_and_removed(browser: Browser, person: Account) -> None:
    page = "/account/second-factors/"
    shown = browser.post(f"{page}add/", page=page)
    secret = shown.texts("p code")[0]
    assert "data:image/svg+xml" in shown.text
    assert browser.post(f"{page}add/", {"code": "000000"}, page=page).texts(".wrong-text")
    codes = browser.post(f"{page}add/", {"code": code_of(secret)}, page=page).texts(".codes code")
    assert len(codes) == 10
    app = second_factors.totp(person.user_nid)
    assert app is not None
    assert secret.encode() not in app.sealed_secret
    other = Browser()
    assert other.sign_in(person, area="account").address == "/account/second-factor/"
    assert other.post("/account/second-factor/", {"code": codes[0]}).address == "/account/"
    browser.post(f"{page}remove/", page=page)
    assert Browser().sign_in(person, area="account").address == "/account/"


def test_the_account_is_ended_by_its_user(browser: Browser, person: Account) -> None:
    assert "nothing has been done" in browser.post("/account/deactivate/", {"typed_name": "no"}).text
    browser.post("/account/deactivate/", {"typed_name": person.user_id, "erase": "on"})
    found = accounts.get(person.user_nid)
    assert found is not None
    assert found.erased
    assert browser.get("/account/").address == "/account/sign-in/"


def test_all_other_browsers_are_signed_out_at_once(browser: Browser, person: Account) -> None:
    others = [Browser(), Browser()]
    for other in others:
        other.sign_in(person, area="account")
    shown = browser.post("/account/sessions/end-others/", page="/account/")
    assert "2 other sessions have ended" in shown.message
    assert browser.get("/account/").address == "/account/"
    assert {other.get("/account/").address for other in others} == {"/account/sign-in/"}
    assert audit.page(before=None, limit=1)[0].action == "session.end_others"
