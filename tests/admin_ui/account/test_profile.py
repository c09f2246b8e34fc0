"""Name, picture and mail addresses of one's own account on its page."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from matrix_app.storage import accounts, audit, db, profiles, pushers, threepids
from matrix_app.storage.accounts import Account
from tests.factories.accounts import make_account, token_for
from tests.factories.browser import Browser
from tests.factories.mail_server import MailServer
from tests.factories.media import picture
from tests.factories.tasks import run_tasks
from tests.factories.visitor import get, post

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/account/profile/"


def addresses_of(account: Account) -> list[str]:
    return [row.address for row in threepids.of_user(account.user_nid)]


def test_the_name_is_changed_and_removed(browser: Browser, person: Account) -> None:
    assert "changed" in browser.post(PAGE, {"name": "Pia"}).message
    assert profiles.get_fields(person.user_nid)["displayname"] == "Pia"
    browser.post(PAGE, {"name": ""})
    assert "displayname" not in profiles.get_fields(person.user_nid)


def test_a_picture_is_uploaded_shown_and_removed(browser: Browser, person: Account) -> None:
    file = SimpleUploadedFile("me.png", picture(40, 40), "image/png")
    assert "changed" in browser.post(f"{PAGE}picture/set/", {"picture": file}, page=PAGE).message
    assert profiles.get_fields(person.user_nid)["avatar_url"].startswith("mxc://hearth.example/")
    shown = browser.ask(f"{PAGE}picture/")
    assert b"".join(shown) == picture(40, 40)
    assert "sandbox" in shown.headers["Content-Security-Policy"]
    browser.post(f"{PAGE}picture/set/", {"remove": "1"}, page=PAGE)
    assert browser.get(f"{PAGE}picture/").status == 404


def test_what_is_no_picture_is_refused(browser: Browser, person: Account) -> None:
    file = SimpleUploadedFile("me.html", b"<script>alert(1)</script>", "text/html")
    assert "Only JPEG" in browser.post(f"{PAGE}picture/set/", {"picture": file}, page=PAGE).message
    assert "avatar_url" not in profiles.get_fields(person.user_nid)


def test_an_address_is_added_after_its_link_was_followed(
    browser: Browser, person: Account, mails: MailServer
) -> None:
    asked = browser.post(f"{PAGE}addresses/add/", {"address": "Pia@Example.org"}, page=PAGE)
    assert "on its way to pia@example.org" in asked.text
    run_tasks()
    followed = get(mails.last_link())
    assert followed.status == 302
    assert addresses_of(person) == []
    back = browser.get("/" + followed.headers["Location"].split("/", 3)[3])
    assert "You have confirmed pia@example.org" in back.text
    browser.post(f"{PAGE}addresses/add/", {"address": "pia@example.org"}, page=PAGE)
    assert addresses_of(person) == ["pia@example.org"]
    assert audit.page(before=None, limit=1)[0].action == "account.add_address"


def test_each_request_sends_a_mail_and_nothing_is_added_by_it(
    browser: Browser, person: Account, mails: MailServer
) -> None:
    for _ in range(2):
        browser.post(f"{PAGE}addresses/add/", {"address": "pia@example.org"}, page=PAGE)
        run_tasks()
    assert len(mails.mails) == 2
    assert addresses_of(person) == []


def test_an_address_that_somebody_else_confirmed_is_not_ones_own(
    browser: Browser, person: Account, mails: MailServer
) -> None:
    other = Browser()
    other.sign_in(make_account("otto"), area="account")
    other.post(f"{PAGE}addresses/add/", {"address": "otto@example.org"}, page=PAGE)
    run_tasks()
    get(mails.last_link())
    shown = browser.post(f"{PAGE}addresses/add/", {"address": "otto@example.org"}, page=PAGE)
    assert "on its way" in shown.text
    assert addresses_of(person) == []


def test_the_address_of_another_account_is_refused(browser: Browser, mails: MailServer) -> None:
    make_account("otto", email="otto@example.org")
    shown = browser.post(f"{PAGE}addresses/add/", {"address": "otto@example.org"}, page=PAGE)
    assert "belongs to an account already" in shown.message


def test_a_removed_address_gets_no_notifications_any_more(
    browser: Browser, person: Account, mails: MailServer
) -> None:
    token = token_for(person)
    browser.post(f"{PAGE}addresses/add/", {"address": "pia@example.org"}, page=PAGE)
    run_tasks()
    get(mails.last_link())
    browser.post(f"{PAGE}addresses/add/", {"address": "pia@example.org"}, page=PAGE)
    pusher = {
        "app_id": "m.email",
        "pushkey": "PIA@example.org",
        "kind": "email",
        "app_display_name": "Mail",
        "device_display_name": "Mail",
        "lang": "en",
        "data": {},
    }
    assert post("/pushers/set", pusher, token=token).status == 200
    browser.post(f"{PAGE}addresses/remove/", {"address": "pia@example.org"}, page=PAGE)
    assert addresses_of(person) == []
    assert pushers.of_user(person.user_nid) == []
    assert audit.page(before=None, limit=1)[0].action == "account.remove_address"


def test_a_server_without_mail_says_so(browser: Browser) -> None:
    assert "sends no mail" in browser.get(PAGE).text
    refused = browser.post(f"{PAGE}addresses/add/", {"address": "pia@example.org"}, page=PAGE)
    assert "does not send mail" in refused.message


def test_a_suspended_user_changes_nothing(browser: Browser, person: Account, mails: MailServer) -> None:
    with db.write():
        accounts.set_suspended(person.user_nid, 1)
    for address, fields in (("addresses/add/", {"address": "pia@example.org"}), ("", {"name": "Pia"})):
        assert "suspended" in browser.post(f"{PAGE}{address}", fields, page=PAGE).text
    run_tasks()
    assert mails.mails == []
