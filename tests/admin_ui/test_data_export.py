"""Taking along what an account has here, on its own page and on that of administrators."""

from __future__ import annotations

import io
import json
from zipfile import ZipFile

import pytest

from matrix_app.services import long_tasks
from matrix_app.storage import audit, db
from matrix_app.storage import long_tasks as stored_tasks
from matrix_app.storage.accounts import Account
from tests.factories.accounts import PASSWORD, make_account
from tests.factories.browser import Browser
from tests.factories.client import Client, ClientFactory

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/account/data/"


@pytest.fixture
def person() -> Account:
    return make_account("pia")


@pytest.fixture
def pia(person: Account, clients: ClientFactory) -> Client:
    return clients.sign_in(person)


@pytest.fixture
def visitor(person: Account) -> Browser:
    browser = Browser()
    browser.sign_in(person, area="account")
    return browser


def work() -> None:
    for row in stored_tasks.unfinished():
        long_tasks.run(row.nid)


def test_an_export_is_made_fetched_and_removed(visitor: Browser, pia: Client) -> None:
    pia.send(pia.create_room(), "hello")
    shown = visitor.post(f"{PAGE}make/", {"media": "on"}, page=PAGE)
    assert "is being made" in shown.message
    [state] = shown.html.css("#export")
    assert state.attributes["hx-get"] == PAGE
    work()
    assert "The export is ready" in visitor.get(PAGE).text
    answer = visitor.ask(f"{PAGE}archive/")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="hearth-pia.zip"'
    content = b"".join(answer)
    assert len(content) == int(answer.headers["Content-Length"])
    archive = ZipFile(io.BytesIO(content))
    assert json.loads(archive.read("about.json"))["user_id"] == pia.user_id
    assert audit.page(before=None, limit=1)[0].action == "account.export_fetch"
    visitor.post(f"{PAGE}remove/", page=PAGE)
    assert visitor.ask(f"{PAGE}archive/").status_code == 404


def test_it_is_cancelled(visitor: Browser, pia: Client) -> None:
    visitor.post(f"{PAGE}make/", page=PAGE)
    visitor.post(f"{PAGE}cancel/", page=PAGE)
    work()
    shown = visitor.get(PAGE)
    assert "is being made" not in shown.text
    assert "is ready" not in shown.text
    assert "No export" in visitor.post(f"{PAGE}cancel/", page=PAGE).message


def test_fetching_it_asks_for_the_password(visitor: Browser, pia: Client) -> None:
    visitor.post(f"{PAGE}make/", page=PAGE)
    work()
    with db.write():
        db.execute("UPDATE web_session SET confirmed_until_ts = 1")
    asked = visitor.get(f"{PAGE}archive/")
    assert asked.address == "/account/confirm/"
    answer = visitor.client.post(
        "/account/confirm/",
        {
            "csrfmiddlewaretoken": visitor.token("/account/confirm/"),
            "password": PASSWORD,
            "next": f"{PAGE}archive/",
        },
        headers={"referer": "http://testserver/account/confirm/"},
    )
    assert answer.headers["Location"] == f"{PAGE}archive/"
    assert visitor.ask(f"{PAGE}archive/").status_code == 200


def test_an_interrupted_fetch_is_gone_on_with(visitor: Browser, pia: Client) -> None:
    visitor.post(f"{PAGE}make/", page=PAGE)
    work()
    whole = b"".join(visitor.ask(f"{PAGE}archive/"))
    rest = visitor.ask(f"{PAGE}archive/", headers={"range": f"bytes={len(whole) - 100}-"})
    assert (rest.status_code, b"".join(rest)) == (206, whole[-100:])


def test_nobody_else_fetches_it(visitor: Browser, person: Account, pia: Client, browser: Browser) -> None:
    visitor.post(f"{PAGE}make/", page=PAGE)
    work()
    other = Browser()
    other.sign_in(make_account("otto"), area="account")
    assert other.ask(f"{PAGE}archive/").status_code == 404
    # What a user made for themselves is not the administrators'.
    assert browser.ask(f"/admin/users/{person.user_nid}/data/archive/").status_code == 404
    assert Browser().get(f"{PAGE}archive/").address == "/account/sign-in/"


def test_an_administrator_makes_one_for_a_user_and_the_log_says_so(
    browser: Browser, visitor: Browser, person: Account, pia: Client
) -> None:
    page = f"/admin/users/{person.user_nid}/data/"
    assert "private messages" in browser.get(page).text
    browser.post(f"{page}make/", {"media": "on", "history": "on"}, page=page)
    work()
    assert "The export is ready" in browser.get(page).text
    archive = ZipFile(io.BytesIO(b"".join(browser.ask(f"{page}archive/"))))
    assert json.loads(archive.read("about.json"))["sealed_secrets_and_keys"] is False
    entries = audit.page(before=None, limit=10, target=person.user_id)
    assert {"user.export", "user.export_fetch"} <= {row.action for row in entries}
    # Nor is it the user's.
    assert visitor.ask(f"{PAGE}archive/").status_code == 404


def test_the_state_alone_is_sent_to_who_asks_for_a_part_of_the_page(visitor: Browser, pia: Client) -> None:
    answer = visitor.client.get(PAGE, headers={"hx-request": "true"})
    assert answer.content.decode().strip().startswith('<div id="export"')
