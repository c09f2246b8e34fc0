"""Media on the pages of administrators, seen through the client API."""

from __future__ import annotations

import pytest

from matrix_app.storage import audit, db
from tests.factories.browser import Browser
from tests.factories.client import Client, ClientFactory
from tests.factories.media import download, upload

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def uploader(clients: ClientFactory) -> Client:
    return clients.make("uploader")


def test_media_are_listed_largest_first_and_counted_by_user(browser: Browser, uploader: Client) -> None:
    upload(uploader, b"x" * 10, "text/plain", "small.txt")
    upload(uploader, b"y" * 5000, "text/plain", "large.txt")
    shown = browser.get("/admin/media/all/", order="largest")
    assert [text.split()[0] for text in shown.texts("tbody td:nth-child(2)")] == ["large.txt", "small.txt"]
    overview = browser.get("/admin/media/")
    assert uploader.user_id in overview.text
    assert "4.9 KiB" in overview.text


def act(browser: Browser, place: str, deed: str) -> str:
    page = f"/admin/media/{place}/"
    return browser.post(f"{page}{deed}/", page=page).message


def test_what_is_in_quarantine_is_served_to_nobody(browser: Browser, uploader: Client) -> None:
    place = upload(uploader, b"bad", "text/plain", "bad.txt")
    act(browser, place, "quarantine")
    assert download(uploader, place).status == 404
    assert "bad.txt" in browser.get("/admin/media/all/", kind="quarantined").text
    act(browser, place, "release")
    assert download(uploader, place).status == 200


def test_protected_media_are_not_put_into_quarantine(browser: Browser, uploader: Client) -> None:
    place = upload(uploader, b"good", "text/plain")
    act(browser, place, "protect")
    assert "Protected" in act(browser, place, "quarantine")
    assert download(uploader, place).status == 200


def test_a_blocked_file_is_taken_from_nobody(browser: Browser, clients: ClientFactory) -> None:
    from tests.factories.media import send

    first, second = clients.many(2)
    act(browser, upload(first, b"blocked", "text/plain"), "block")
    assert send(second, "POST", "/_matrix/media/v3/upload", b"blocked", "text/plain").status == 403


def test_media_are_removed_one_by_one_and_when_they_are_old(browser: Browser, uploader: Client) -> None:
    gone, old, used = (upload(uploader, name.encode(), "text/plain") for name in ("gone", "old", "used"))
    act(browser, gone, "remove")
    assert download(uploader, gone).status == 404
    with db.write():
        db.execute("UPDATE media SET last_used_ts = 1 WHERE media_id = %s", (old.partition("/")[2],))
    shown = browser.post("/admin/media/clean/", {"what": "old", "days": "30"}, page="/admin/media/")
    assert "1 file has been removed" in shown.message
    assert download(uploader, old).status == 404
    assert download(uploader, used).status == 200
    assert audit.page(before=None, limit=1)[0].action == "media.remove_old"


def test_chosen_media_are_removed_together(browser: Browser, uploader: Client) -> None:
    places = [upload(uploader, f"n{number}".encode(), "text/plain") for number in range(3)]
    browser.post("/admin/media/chosen/remove/", {"chosen": places[:2]}, page="/admin/media/all/")
    assert [download(uploader, place).status for place in places] == [404, 404, 200]


def test_names_of_files_are_shown_as_text(browser: Browser, uploader: Client) -> None:
    upload(uploader, b"x", "text/plain", "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E.txt")
    shown = browser.get("/admin/media/all/")
    assert "&lt;img src=x" in shown.text
    assert not shown.html.css("tbody img")
