"""What belongs to accounts and rooms on their pages: media, pushers, addresses; the export of accounts."""

from __future__ import annotations

import csv
from urllib.parse import quote

import pytest

from matrix_app.storage import accounts, audit
from tests.factories.browser import Browser
from tests.factories.client import Client, ClientFactory
from tests.factories.media import download, upload
from tests.factories.statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def alice(clients: ClientFactory) -> Client:
    return clients.make("alice")


def page_of(client: Client, tab: str) -> str:
    return f"/admin/users/{client.requester.user_nid}/{tab}/"


def test_media_of_a_user_are_listed_put_into_quarantine_and_removed(browser: Browser, alice: Client) -> None:
    place = upload(alice, b"x" * 2048, "text/plain", "notes.txt")
    page = page_of(alice, "media")
    shown = browser.get(page)
    assert "notes.txt" in shown.text
    assert "2.0 KiB" in shown.text
    assert "1 file is in quarantine" in browser.post(f"{page}quarantine/", page=page).message
    assert download(alice, place).status == 404
    assert "Type @alice" in browser.post(f"{page}remove/", page=page).message
    done = browser.post(f"{page}remove/", {"typed_name": alice.user_id}, page=page)
    assert "1 file has been removed" in done.message
    assert "uploaded nothing" in browser.get(page).text
    assert audit.page(before=None, limit=1)[0].action == "media.remove_of_user"


def test_pushers_are_shown_and_removed(browser: Browser, alice: Client, clients: ClientFactory) -> None:
    pusher = {
        "app_id": "org.example.app",
        "pushkey": "key",
        "kind": "http",
        "app_display_name": "Example",
        "device_display_name": "Phone",
        "lang": "en",
        "data": {"url": "https://push.example/_matrix/push/v1/notify"},
    }
    assert alice.post("/pushers/set", pusher).status == 200
    page = page_of(alice, "pushers")
    shown = browser.get(page)
    assert "https://push.example" in shown.text
    number = str(shown.html.css("button[name=pusher]")[0].attributes["value"])
    bob = clients.make("bob")
    wrong = page_of(bob, "pushers")
    assert "no such pusher" in browser.post(f"{wrong}remove/", {"pusher": number}, page=page).text
    browser.post(f"{page}remove/", {"pusher": number}, page=page)
    assert alice.get("/pushers").body["pushers"] == []
    assert audit.page(before=None, limit=1)[0].action == "user.remove_pusher"


def test_addresses_are_kept_and_found_by_the_search(browser: Browser, alice: Client) -> None:
    page = page_of(alice, "addresses")
    browser.post(f"{page}add/", {"address": "Alice@Mail.example"}, page=page)
    assert browser.get("/admin/users/", q="alice@mail.EXAMPLE").texts("tbody td a") == [alice.user_id]
    assert browser.get("/admin/users/", q="nobody@mail.example").texts("tbody td a") == []
    owner = accounts.find("@owner:hearth.example")
    assert owner is not None
    own = f"/admin/users/{owner.user_nid}/addresses/"
    assert (
        "belongs to another" in browser.post(f"{own}add/", {"address": "alice@mail.example"}, page=own).text
    )
    assert "no mail address" in browser.post(f"{page}add/", {"address": "alice"}, page=page).text
    browser.post(f"{page}remove/", {"address": "alice@mail.example"}, page=page)
    assert "has no mail address" in browser.get(page).text
    assert audit.page(before=None, limit=1)[0].action == "user.set_addresses"


def test_media_of_a_room_are_listed_and_put_into_quarantine(browser: Browser, alice: Client) -> None:
    room_id = alice.create_room()
    place = upload(alice, b"picture", "image/png")
    content = {"msgtype": "m.image", "body": "p", "url": f"mxc://{place}"}
    alice.put(f"/rooms/{quote(room_id)}/send/m.room.message/t", content)
    listed = browser.get("/admin/rooms/")
    page = f"{listed.href('tbody td a')}media/"
    assert browser.get(page).texts("tbody td a") == [place.partition("/")[2]]
    assert "1 file is in quarantine" in browser.post(f"{page}quarantine/", page=page).message
    assert download(alice, place).status == 404


def test_the_export_holds_every_account_and_no_formulas(browser: Browser, alice: Client) -> None:
    alice.put(f"/profile/{alice.user_id}/displayname", {"displayname": "=cmd()"})
    page = page_of(alice, "addresses")
    browser.post(f"{page}add/", {"address": "alice@mail.example"}, page=page)
    got = browser.ask("/admin/users/export/")
    assert got.headers["Content-Disposition"].startswith("attachment")
    text = b"".join(got).decode()
    rows = {row["user"]: row for row in csv.DictReader(text.splitlines())}
    assert rows["alice:hearth.example"]["display_name"] == "'=cmd()"
    assert rows["alice:hearth.example"]["addresses"] == "alice@mail.example"
    assert rows["owner:hearth.example"]["admin"] == "yes"
    assert audit.page(before=None, limit=1)[0].action == "users.export"


def test_the_export_of_many_accounts_is_read_as_it_is_sent(browser: Browser, clients: ClientFactory) -> None:
    clients.many(1500)
    with recorded() as before:
        pieces = iter(browser.ask("/admin/users/export/"))
    first = next(pieces)
    assert len(first.splitlines()) == 200
    with recorded() as later:
        rest = b"".join(pieces)
    assert len((first + rest).splitlines()) == 1502
    assert [sql for sql, _ in later if "FROM account a" in sql]
    assert len(before) < 20


@pytest.mark.parametrize("tab", ["media", "pushers", "addresses"])
def test_more_rows_cost_no_more_statements(browser: Browser, alice: Client, tab: str) -> None:
    page = page_of(alice, tab)
    upload(alice, b"0", "text/plain")
    browser.get(page)
    with recorded() as few:
        browser.get(page)
    for number in range(1, 6):
        upload(alice, str(number).encode(), "text/plain")
        browser.post(
            f"{page_of(alice, 'addresses')}add/",
            {"address": f"a{number}@mail.example"},
            page=page_of(alice, "addresses"),
        )
    browser.get(page)
    with recorded() as many:
        browser.get(page)
    assert len(many) == len(few)
