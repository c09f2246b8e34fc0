"""Signing in to the administration: who may, the second factor, sessions, and confirmation."""

from __future__ import annotations

import pytest

from matrix_app.services import second_factor
from matrix_app.services.audit import CLI
from matrix_app.services.change_password import change_password
from matrix_app.services.moderate_account import set_locked
from matrix_app.services.passwords import hash_password
from matrix_app.storage import audit, db
from tests.factories.accounts import make_account
from tests.factories.browser import Browser, code_of
from tests.factories.client import ClientFactory

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def browser() -> Browser:
    return Browser()


def test_a_visitor_is_sent_to_the_sign_in_and_from_there_to_the_page(browser: Browser) -> None:
    admin = make_account(admin=True)
    assert browser.get("/admin/users/").address == "/admin/sign-in/"
    fields = {"name": admin.user_id, "password": "wrong", "next": "/admin/users/"}
    assert browser.post("/admin/sign-in/", fields).status == 400
    fields["password"] = "a horse, a battery and a staple"
    assert browser.post("/admin/sign-in/", fields).address == "/admin/users/"


def test_who_is_no_administrator_does_not_get_in(browser: Browser) -> None:
    shown = browser.sign_in(make_account())
    assert (shown.status, shown.address) == (400, "/admin/sign-in/")
    assert "administrators" in " ".join(shown.texts(".notice"))
    assert browser.get("/admin/").address == "/admin/sign-in/"


@pytest.mark.parametrize(
    "address", ["https://evil.example/", "//evil.example/admin/", "/admin/../x", "/other/"]
)
def test_the_sign_in_leads_nowhere_else(browser: Browser, address: str) -> None:
    fields = {"name": make_account(admin=True).user_id, "password": "a horse, a battery and a staple"}
    shown = browser.post("/admin/sign-in/", {**fields, "next": address})
    assert (shown.address, shown.status) == ("/admin/", 200)


def test_an_address_without_a_page_says_so(browser: Browser) -> None:
    browser.sign_in(make_account(admin=True))
    assert browser.get("/admin/nothing/").status == 404


def test_a_form_without_the_token_against_forgery_is_refused(browser: Browser) -> None:
    admin = make_account(admin=True)
    fields = {"name": admin.user_id, "password": "a horse, a battery and a staple"}
    assert browser.client.post("/admin/sign-in/", fields).status_code == 403


def test_a_second_factor_is_asked_for_and_each_code_counts_once(browser: Browser) -> None:
    admin = make_account(admin=True)
    secret = second_factor.begin_totp(admin.user_nid)
    recovery = second_factor.confirm_totp(admin.user_nid, code_of(secret), CLI)
    assert browser.sign_in(admin).address == "/admin/second-factor/"
    assert browser.get("/admin/users/").address == "/admin/second-factor/"
    again = browser.post("/admin/second-factor/", {"code": code_of(secret)})
    assert again.status == 400  # the code has confirmed the app already
    assert browser.post("/admin/second-factor/", {"code": recovery[0].upper()}).address == "/admin/"
    other = Browser()
    other.sign_in(admin)
    assert other.post("/admin/second-factor/", {"code": recovery[0]}).status == 400


def test_the_token_of_a_session_changes_with_each_proof(browser: Browser) -> None:
    admin = make_account(admin=True)
    browser.sign_in(admin)
    before = browser.client.cookies["hearth_admin"].value
    shown = browser.post("/admin/confirm/", {"password": "a horse, a battery and a staple"})
    assert shown.address == "/admin/"
    after = browser.client.cookies["hearth_admin"].value
    assert before != after
    thief = Browser()
    thief.client.cookies["hearth_admin"] = before
    assert thief.get("/admin/").address == "/admin/sign-in/"


def test_a_session_given_by_somebody_else_is_not_taken_over(browser: Browser) -> None:
    browser.client.cookies["hearth_admin"] = "hw_chosen-by-an-attacker"
    browser.sign_in(make_account(admin=True))
    assert browser.client.cookies["hearth_admin"].value != "hw_chosen-by-an-attacker"


def test_signing_out_ends_the_session_for_good(browser: Browser) -> None:
    browser.sign_in(make_account(admin=True))
    token = browser.client.cookies["hearth_admin"].value
    assert browser.post("/admin/sign-out/", page="/admin/").address == "/admin/sign-in/"
    browser.client.cookies["hearth_admin"] = token
    assert browser.get("/admin/").address == "/admin/sign-in/"


def test_a_session_ends_when_its_user_is_locked_or_is_administrator_no_more(
    browser: Browser, clients: ClientFactory
) -> None:
    admin = make_account(admin=True)
    browser.sign_in(admin)
    assert browser.get("/admin/").address == "/admin/"
    with db.write():
        db.execute("UPDATE account SET is_admin = %s WHERE user_nid = %s", (False, admin.user_nid))
    assert browser.get("/admin/").address == "/admin/sign-in/"
    other, person = Browser(), make_account(admin=True)
    other.sign_in(person)
    with db.write():
        db.execute("UPDATE account SET is_admin = %s WHERE user_nid = %s", (False, person.user_nid))
    set_locked(clients.make(admin=True).requester, person.user_id, True)
    assert other.get("/admin/").address == "/admin/sign-in/"


def test_a_new_password_ends_the_sessions_of_the_pages(browser: Browser) -> None:
    admin = make_account(admin=True)
    browser.sign_in(admin)
    change_password(admin.user_nid, hash_password("another horse"), sign_out=True)
    assert browser.get("/admin/").address == "/admin/sign-in/"


def test_a_session_that_nobody_used_for_long_is_over(browser: Browser) -> None:
    browser.sign_in(make_account(admin=True))
    with db.write():
        db.execute("UPDATE web_session SET last_used_ts = last_used_ts - %s", (13 * 3_600_000,))
    assert browser.get("/admin/").address == "/admin/sign-in/"


def test_signing_in_is_written_into_the_audit_log(browser: Browser) -> None:
    admin = make_account(admin=True)
    browser.sign_in(admin)
    entry = audit.page(before=None, limit=1)[0]
    assert (entry.action, entry.actor, entry.via) == ("session.start", admin.user_id, "page")


def test_every_page_keeps_foreign_scripts_and_frames_out(browser: Browser) -> None:
    shown = browser.get("/admin/sign-in/")
    policy = shown.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert shown.headers["X-Frame-Options"] == "DENY"
    assert shown.headers["Cache-Control"] == "no-store"
    assert not shown.html.css("[style], [onclick], script:not([src])")


def test_cookies_are_kept_from_scripts_and_other_sites(browser: Browser) -> None:
    browser.sign_in(make_account(admin=True))
    cookie = browser.client.cookies["hearth_admin"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
