"""Importing users on the page."""

from __future__ import annotations

import csv
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from matrix_app.services import long_tasks
from matrix_app.storage import accounts, audit, db
from matrix_app.storage import long_tasks as stored_tasks
from tests.factories.accounts import make_account
from tests.factories.browser import Browser, Shown
from tests.factories.visitor import post

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = "/admin/users/import/"


def uploaded(browser: Browser, content: str, **fields: Any) -> Shown:
    file = SimpleUploadedFile("users.csv", content.encode(), "text/csv")
    return browser.post(PAGE, {"table": file, "mode": "stop", **fields})


def work() -> None:
    for row in stored_tasks.unfinished():
        long_tasks.run(row.nid)


def rows_of(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(b"".join(answer).decode().splitlines()))


def test_a_table_is_looked_at_before_anything_is_made(browser: Browser) -> None:
    shown = uploaded(browser, "user,shoe\nann,42\nbob,43\n")
    assert shown.texts("dl.facts dd")[:2] == ["2", "2"]
    assert "shoe" in shown.text
    assert accounts.find("@ann:hearth.example") is None


def test_users_are_imported_and_their_passwords_fetched_once(browser: Browser) -> None:
    page = uploaded(browser, "user,password,email\nann,,ann@x.org\nbob,his own password,\n").address
    state = browser.post(f"{page}begin/", page=page)
    assert state.html.css("[hx-get]")
    work()
    assert "was made for 1 user" in browser.get(page).text
    [row] = rows_of(browser.ask(f"{page}passwords/", {}, page=page))
    assert row["user"] == "ann:hearth.example"
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "ann"},
        "password": row["password"],
    }
    assert post("/login", body).status == 200
    assert "Fetch the passwords" not in browser.get(page).text
    assert "fetched already" in browser.post(f"{page}passwords/", page=page).message
    actions = [entry.action for entry in audit.page(before=None, limit=20)]
    assert {"users.upload_table", "users.import", "users.fetch_passwords", "user.create"} <= set(actions)


def test_rows_that_cannot_be_are_named_and_can_be_fetched(browser: Browser) -> None:
    make_account("taken")
    content = "user,display_name\ntaken,=cmd()\n<b>x</b>,\nann,\n"
    refused = uploaded(browser, content)
    assert "Line 2" in refused.text
    assert "&lt;b&gt;x" in refused.text
    assert "Nothing is imported as long as" in refused.text
    assert "cannot be" in browser.post(f"{refused.address}begin/", page=refused.address).message
    page = uploaded(browser, content, mode="skip").address
    browser.post(f"{page}begin/", page=page)
    work()
    rows = rows_of(browser.ask(f"{page}skipped/", {}, page=page))
    assert [(row["user"], row["display_name"]) for row in rows] == [("taken", "'=cmd()"), ("<b>x</b>", "")]
    assert rows[0]["reason"] == "The user name is taken"


def test_what_is_no_table_is_refused_on_the_page(browser: Browser) -> None:
    assert "columns" in uploaded(browser, "no,such,thing\n").message


def test_a_table_is_forgotten(browser: Browser) -> None:
    page = uploaded(browser, "user\nann\n").address
    browser.post(f"{page}forget/", page=page)
    assert browser.get(page).status == 404


def test_ten_thousand_rows_are_looked_at_by_a_task(browser: Browser) -> None:
    shown = uploaded(browser, "user\n" + "\n".join(f"u{number}" for number in range(10_000)))
    assert "is being looked at" in shown.text
    assert shown.html.css("#look[hx-get]")
    assert "is being looked at" in browser.ask(shown.address, headers={"HX-Request": "true"}).content.decode()
    work()
    assert browser.ask(shown.address, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    assert browser.get(shown.address).texts("dl.facts dd")[:2] == ["10000", "10000"]


def test_a_table_that_nobody_will_look_at_says_so(browser: Browser) -> None:
    page = uploaded(browser, "user\n" + "\n".join(f"u{number}" for number in range(501))).address
    with db.write():
        stored_tasks.ask_to_cancel(stored_tasks.unfinished()[0].nid)
    work()
    shown = browser.get(page)
    assert "upload it again" in shown.text
    assert shown.html.css("#look[hx-get]") == []
