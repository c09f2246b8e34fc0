"""Registering on the page, where a captcha or a mail address is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from matrix_app.services.threepids.validation import LIFETIME_MS
from matrix_app.services.uia.sessions import remove_old
from matrix_app.storage import accounts, db, registration_tokens, threepids
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.browser import Browser, Shown
from tests.factories.http_service import HttpService, http_service
from tests.factories.mail_server import MailServer
from tests.factories.settings import settings
from tests.factories.tasks import run_tasks
from tests.factories.visitor import get

pytestmark = pytest.mark.django_db(transaction=True)

PAGE, MAIL, AGAIN = "/account/register/", "/account/register/mail/", "/account/register/mail/again/"
NEW = {"name": "new.one", "password": PASSWORD, "again": PASSWORD}
ADDRESS = {"address": "New@Example.org"}


@pytest.fixture
def captcha() -> Iterator[HttpService]:
    with http_service(b'{"success": true}') as service:
        keys = {"required": True, "public_key": "site", "private_key": "s", "verify_url": service.address}
        with settings(captcha=keys, registration={"mode": "open"}):
            yield service


@pytest.fixture
def required(mails: MailServer) -> Iterator[MailServer]:
    """Mails arrive, and without one there is no account."""
    with settings(registration={"mode": "open", "require_email": True}):
        yield mails


def is_there(name: str = "new.one") -> bool:
    return accounts.find(f"@{name}:hearth.example") is not None


def faults(shown: Shown) -> str:
    return " ".join((*shown.texts(".notice.error"), *shown.texts(".wrong-text"), shown.message))


def test_only_the_page_with_the_captcha_lets_its_service_in(captcha: HttpService) -> None:
    shown = Browser().get(PAGE)
    widget = shown.html.css_first(".g-recaptcha")
    assert widget is not None
    assert widget.attributes["data-sitekey"] == "site"
    policy = shown.headers["Content-Security-Policy"]
    assert "frame-src https://www.recaptcha.net/recaptcha/" in policy
    assert "unsafe-eval" not in policy
    elsewhere = Browser().get("/account/sign-in/")
    assert "recaptcha" not in elsewhere.headers["Content-Security-Policy"]
    assert "unsafe-inline" not in elsewhere.headers["Content-Security-Policy"]
    with settings(captcha={"required": False}):
        usual = Browser().get(PAGE)
    assert "recaptcha" not in usual.headers["Content-Security-Policy"] + usual.text


def test_a_captcha_must_be_solved(captcha: HttpService) -> None:
    refused = Browser().post(PAGE, NEW)
    assert (refused.status, captcha.asked) == (400, [])
    assert "The captcha was not solved" in faults(refused)
    captcha.answer = b'{"success": false}'
    assert "The captcha was not solved" in faults(Browser().post(PAGE, {**NEW, "g-recaptcha-response": "x"}))
    assert not is_there()
    captcha.answer = b'{"success": true}'
    assert Browser().post(PAGE, {**NEW, "g-recaptcha-response": "y"}).address == "/account/"
    assert is_there()
    assert b"response=y" in captcha.asked[-1].body


def test_a_captcha_service_that_fails_is_told_of(captcha: HttpService) -> None:
    captcha.answer = b"out of order"
    refused = Browser().post(PAGE, {**NEW, "g-recaptcha-response": "x"})
    assert refused.status == 400
    assert faults(refused)
    assert not is_there()


def test_an_account_is_made_once_the_link_in_the_mail_was_followed(required: MailServer) -> None:
    visitor = Browser()
    assert visitor.get(PAGE).html.css("input[name=address][required]")
    assert visitor.post(PAGE, NEW).status == 400
    shown = visitor.post(PAGE, {**NEW, **ADDRESS, "next": "/account/profile/"})
    assert shown.address == MAIL
    assert "new@example.org" in " ".join(shown.texts("main"))
    assert "not been confirmed" in visitor.post(MAIL, page=MAIL).message
    assert not is_there()
    run_tasks()
    followed = get(required.last_link())
    assert followed.status == 302
    assert urlsplit(str(followed.headers["Location"])).path == MAIL
    assert visitor.get(MAIL).texts("main form button") == ["Make my account"]
    assert visitor.post(MAIL, page=MAIL).address == "/account/profile/"
    account = accounts.find("@new.one:hearth.example")
    assert account is not None
    assert [row.address for row in threepids.of_user(account.user_nid)] == ["new@example.org"]
    assert db.value("SELECT count(*) FROM uia_session") == 0
    assert visitor.get(MAIL).status == 404


def test_a_waiting_page_goes_on_when_the_link_was_followed(required: MailServer) -> None:
    visitor = Browser()
    visitor.post(PAGE, {**NEW, **ADDRESS})
    asked = visitor.client.get(MAIL, headers={"hx-request": "true"})
    assert 'id="state"' in asked.content.decode()
    run_tasks()
    get(required.last_link())
    assert visitor.client.get(MAIL, headers={"hx-request": "true"}).headers["HX-Redirect"] == MAIL


def test_another_browser_cannot_go_on_with_it(required: MailServer) -> None:
    Browser().post(PAGE, {**NEW, **ADDRESS})
    run_tasks()
    get(required.last_link())
    stranger = Browser()
    shown = stranger.get(MAIL)
    assert shown.status == 404
    assert "go on where you began" in shown.text
    stranger.post(MAIL, page=PAGE)
    assert "begin again" in stranger.post(AGAIN, ADDRESS, page=PAGE).message
    assert not is_there()


def test_another_mail_goes_to_another_address(required: MailServer) -> None:
    visitor = Browser()
    visitor.post(PAGE, {**NEW, "address": "wrong@example.org"})
    run_tasks()
    wrong = required.last_link()
    assert "is on its way" in visitor.post(AGAIN, ADDRESS, page=MAIL).message
    assert "Not a mail address" in visitor.post(AGAIN, {"address": "nobody"}, page=MAIL).message
    run_tasks()
    get(wrong)
    assert "not been confirmed" in visitor.post(MAIL, page=MAIL).message
    get(required.last_link())
    assert visitor.post(MAIL, page=MAIL).address == "/account/"


def test_an_address_of_an_account_tells_its_owner_alone(required: MailServer) -> None:
    owner = make_account("owner")
    with db.write():
        threepids.insert(owner.user_nid, threepids.ThreePidRow("email", "new@example.org", 1, 1))
    visitor = Browser()
    assert visitor.post(PAGE, {**NEW, **ADDRESS}).address == MAIL
    run_tasks()
    assert "has an account" in required.text_of_last() or "belongs to" in required.text_of_last()
    assert "not been confirmed" in visitor.post(MAIL, page=MAIL).message


def test_a_name_that_was_taken_meanwhile_is_told_of(required: MailServer) -> None:
    visitor = Browser()
    visitor.post(PAGE, {**NEW, **ADDRESS})
    run_tasks()
    get(required.last_link())
    make_account("new.one")
    assert "taken" in visitor.post(MAIL, page=MAIL).message
    assert visitor.post(PAGE, {**NEW, **ADDRESS, "name": "other.one"}).address == MAIL


def test_a_mail_address_may_be_given_where_none_is_asked_for(mails: MailServer) -> None:
    with settings(registration={"mode": "open"}):
        assert Browser().post(PAGE, {**NEW, "address": ""}).address == "/account/"
        assert Browser().post(PAGE, {**NEW, **ADDRESS, "name": "two"}).address == MAIL
        refused = Browser().post(PAGE, {**NEW, "address": "nobody", "name": "three"})
    assert "Not a mail address" in faults(refused)
    with settings(mail={"host": ""}):
        shown = Browser().get(PAGE)
    assert "address" not in [field.attributes.get("name") for field in shown.html.css("input")]


def test_an_invitation_is_free_again_when_nothing_comes_of_it(required: MailServer) -> None:
    with db.write():
        registration_tokens.put("let-me-in", 1, None, 1)
    with settings(registration={"mode": "token", "require_email": True}):
        first, given = Browser(), {**NEW, **ADDRESS, "token": "let-me-in"}
        assert "Not a mail address" in faults(first.post(PAGE, {**given, "address": "nobody"}))
        assert first.post(PAGE, given).address == MAIL
        assert "has been used" in faults(Browser().post(PAGE, {**given, "name": "two"}))
        assert first.post(PAGE, given).address == MAIL, "whoever begins again keeps it"
        with db.write():
            db.execute("UPDATE uia_session SET created_ts = created_ts - %s", (LIFETIME_MS + 1000,))
        assert first.get(MAIL).status == 404
        remove_old()
        later = Browser()
        assert later.post(PAGE, {**given, "name": "two"}).address == MAIL
        run_tasks()
        get(required.last_link())
        later.post(MAIL, page=MAIL)
    row = registration_tokens.find("let-me-in")
    assert row is not None
    assert (row.pending, row.completed) == (0, 1)
    assert is_there("two")
