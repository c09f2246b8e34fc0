"""Doing something with several users or rooms at once; columns; what else lists and details show."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from selectolax.lexbor import LexborHTMLParser

from matrix_app.services import long_tasks, remove_chosen_media
from matrix_app.services.send_notice import send_some_more
from matrix_app.storage import audit, db, events, extremities, rooms
from matrix_app.storage import long_tasks as stored_tasks
from matrix_app.storage.long_tasks import LongTaskRow
from tests.factories.browser import Browser
from tests.factories.client import Client, ClientFactory
from tests.factories.media import download, upload
from tests.factories.present_state import membership_of, room_of
from tests.factories.statements import recorded
from tests.factories.syncing import sync

pytestmark = pytest.mark.django_db(transaction=True)
USERS, ROOMS = "/admin/users/", "/admin/rooms/"
DASH = "\u2013"


def work() -> LongTaskRow:
    """Do the task that waits; what came of it."""
    [waiting] = stored_tasks.unfinished()
    long_tasks.run(waiting.nid)
    done = stored_tasks.find(waiting.nid)
    assert done is not None
    assert (done.state, done.error) == ("done", "")
    return done


def nids(*clients: Client) -> list[str]:
    return [str(client.requester.user_nid) for client in clients]


def test_media_of_chosen_users_are_removed(
    browser: Browser, clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remove_chosen_media, "BATCH", 2)
    alice, bob, carl = clients.many(3)
    places = [upload(alice, bytes([number]) * 1024, "text/plain") for number in range(5)]
    places.append(upload(bob, b"b", "text/plain"))
    kept = upload(carl, b"c", "text/plain")
    fields = {"chosen": nids(alice, bob)}
    address = f"{USERS}chosen/media/"
    asked = browser.post(address, fields, page=USERS)
    assert "6 files of 5.0 KiB are removed" in asked.text
    assert "nothing has been done" in browser.post(address, {**fields, "go": "1"}, page=USERS).message
    browser.post(address, {**fields, "go": "1", "typed_name": "2"}, page=USERS)
    assert work().result["media"] == 6
    assert [download(alice, place).status for place in places] == [404] * 6
    assert download(alice, kept).status == 200
    actions = [entry.action for entry in audit.page(before=None, limit=10)]
    assert actions.count("media.remove_of_user") == 2


def test_chosen_users_get_a_notice_once(browser: Browser, clients: ClientFactory) -> None:
    alice, bob, carl = clients.many(3)
    address = f"{USERS}chosen/notice/"
    assert browser.post(address, {"chosen": nids(alice, bob)}, page=USERS).html.css("textarea")
    fields = {"chosen": nids(alice, bob), "go": "1"}
    assert browser.post(address, {**fields, "text": ""}, page=USERS).texts(".notice.error")
    browser.post(address, {**fields, "text": "The server moves on Sunday."}, page=USERS)
    row = work()
    assert row.result == {"sent": 2, "refused": 0}
    task = long_tasks.LongTask(row)
    task.checkpoint = {}
    send_some_more(task)
    for client, invited in ((alice, 1), (bob, 1), (carl, 0)):
        assert len(sync(client).get("rooms", {}).get("invite", {})) == invited
    [room_id] = sync(alice)["rooms"]["invite"]
    alice.change(room_id, "join")
    chunk = alice.get(f"/rooms/{quote(room_id)}/messages?dir=b&limit=20").body["chunk"]
    assert [event["content"]["body"] for event in chunk if event["type"] == "m.room.message"] == [
        "The server moves on Sunday."
    ]


def room_nids(*room_ids: str) -> list[str]:
    return [str(room_of(room_id).nid) for room_id in room_ids]


def test_chosen_rooms_are_published_together(browser: Browser, clients: ClientFactory) -> None:
    alice = clients.make()
    first, second = (alice.create_room(preset="public_chat") for _ in range(2))
    browser.post(f"{ROOMS}chosen/publish/", {"chosen": room_nids(first, second)}, page=ROOMS)
    assert {entry["room_id"] for entry in alice.get("/publicRooms").body["chunk"]} == {first, second}


def show(client: Client, room_id: str, place: str) -> None:
    content = {"msgtype": "m.image", "body": "p", "url": f"mxc://{place}"}
    assert client.put(f"/rooms/{quote(room_id)}/send/m.room.message/{place[-8:]}", content).status == 200


def test_media_of_chosen_rooms_are_removed_and_protected_ones_stay(
    browser: Browser, clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remove_chosen_media, "EVENTS", 3)
    alice = clients.make()
    first, second, other = (alice.create_room() for _ in range(3))
    places = [upload(alice, bytes([number]), "text/plain") for number in range(4)]
    for room_id, place in zip((first, first, second, other), places, strict=True):
        show(alice, room_id, place)
    protected = places[1].partition("/")[2]
    browser.post(
        f"/admin/media/hearth.example/{protected}/protect/", page=f"/admin/media/hearth.example/{protected}/"
    )
    address, fields = f"{ROOMS}chosen/media/", {"chosen": room_nids(first, second)}
    assert "wherever else it is shown" in browser.post(address, fields, page=ROOMS).text
    browser.post(address, {**fields, "go": "1", "typed_name": "2"}, page=ROOMS)
    assert work().result["media"] == 2
    assert [download(alice, place).status for place in places] == [404, 200, 404, 200]


def test_chosen_rooms_are_deleted_after_it_was_shown_what_that_means(
    browser: Browser, clients: ClientFactory
) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    address, fields = f"{ROOMS}chosen/delete/", {"chosen": room_nids(room_id)}
    assert "2 memberships" in browser.post(address, fields, page=ROOMS).text
    assert rooms.find(room_id) is not None
    browser.post(address, {**fields, "go": "1", "typed_name": "1", "block": "on"}, page=ROOMS)
    work()
    assert alice.get(f"/rooms/{quote(room_id)}/state").status == 403
    assert alice.change(room_id, "join").status == 403


def test_nonsense_is_not_chosen(browser: Browser) -> None:
    for page, deed in ((USERS, "notice"), (ROOMS, "delete")):
        shown = browser.post(f"{page}chosen/{deed}/", {"chosen": ["x", "999999"], "go": "1"}, page=page)
        assert shown.address == page
        assert browser.post(f"{page}chosen/applaud/", {"chosen": ["1"]}, page=page).texts(".notice.error")


def headings(browser: Browser, page: str, **query: Any) -> list[str]:
    return browser.get(page, **query).texts("thead th")


@pytest.mark.parametrize(
    ("page", "more", "title"), [(USERS, "addresses", "Mail addresses"), (ROOMS, "version", "Room version")]
)
def test_columns_are_chosen_and_remembered(
    browser: Browser, clients: ClientFactory, page: str, more: str, title: str
) -> None:
    clients.make().create_room()
    usual = headings(browser, page)
    assert title not in usual
    assert headings(browser, page, columns=more)[2:] == [title]
    assert headings(browser, page)[2:] == [title]
    assert headings(browser, page, columns="")[2:] == []
    # The order of the list keeps what was chosen.
    shown = browser.client.get(page, {"columns": ["", more, "made", "members"]})
    assert b"columns=made" in shown.content or b"columns=members" in shown.content
    assert Browser().get(page).status == 200


def test_every_column_has_its_cells(browser: Browser, clients: ClientFactory) -> None:
    alice = clients.make("alice")
    alice.create_room()
    everything = {
        USERS: ["status", "made", "active", "addresses", "bridge"],
        ROOMS: ["kind", "members", "local", "activity", "version", "guests", "history", "state"],
    }
    for page, keys in everything.items():
        shown = browser.client.get(page, {"columns": keys}).content.decode()
        html = LexborHTMLParser(shown)
        assert len(html.css("thead th")) == len(html.css("tbody tr:first-child td")) == len(keys) + 2


def test_a_device_is_renamed_by_an_administrator(browser: Browser, clients: ClientFactory) -> None:
    alice = clients.make("alice")
    page = f"{USERS}{alice.requester.user_nid}/devices/"
    address = f"{USERS}{alice.requester.user_nid}/rename-device/"
    browser.post(address, {"device": "DEVICE", "name": "Kitchen"}, page=page)
    assert alice.get("/devices/DEVICE").body["display_name"] == "Kitchen"
    assert "no such device" in browser.post(address, {"device": "X", "name": "Y"}, page=page).message


def test_account_data_are_shown_without_secrets(browser: Browser, clients: ClientFactory) -> None:
    alice = clients.make("alice")
    alice.put(f"/user/{alice.user_id}/account_data/org.example", {"a": "<b>"})
    alice.put(f"/user/{alice.user_id}/account_data/m.secret_storage.key.x", {"iv": "sealed"})
    shown = browser.get(f"{USERS}{alice.requester.user_nid}/account-data/")
    assert shown.texts("tbody code") == ["org.example"]
    assert "sealed" not in shown.text.replace("Sealed", "")


def test_a_name_is_checked_while_it_is_typed(browser: Browser, clients: ClientFactory) -> None:
    clients.make("alice")
    page = f"{USERS}check-name/"
    assert "@bob:hearth.example is free" in browser.get(page, name="@Bob:x").text
    assert "is taken" in browser.get(page, name="alice").text
    assert "made of" in browser.get(page, name="bob!").text
    assert browser.get(page, name="").text.strip() == ""
    assert browser.get(f"{USERS}new/").html.css("input[hx-get]")


def test_the_rooms_below_a_space_are_shown_with_their_depth(browser: Browser, clients: ClientFactory) -> None:
    alice = clients.make("alice")
    top, middle = (
        alice.create_room(name=name, creation_content={"type": "m.space"}) for name in ("Top", "Middle")
    )
    leaf = alice.create_room(name="Leaf")
    for parent, child in ((top, middle), (middle, leaf), (middle, "!far:away.example")):
        alice.set_state(parent, "m.space.child", {"via": ["hearth.example"]}, child)
    shown = browser.get(f"{ROOMS}{room_of(top).nid}/space/")
    first, second, *others = shown.texts("tbody td:first-child")
    assert (first, second) == ("Top space", f"{DASH} Middle space")
    assert set(others) == {f"{DASH} {DASH} Leaf", f"{DASH} {DASH} !far:away.example not here"}
    assert "Rooms below" in browser.get(f"{ROOMS}{room_of(top).nid}/").text
    assert "Rooms below" not in browser.get(f"{ROOMS}{room_of(leaf).nid}/").text


def test_a_large_space_has_pages(browser: Browser, clients: ClientFactory) -> None:
    alice = clients.make("alice")
    top = alice.create_room(name="Top", creation_content={"type": "m.space"})
    for number in range(60):
        alice.set_state(top, "m.space.child", {"via": ["x"]}, f"!r{number:02}:x")
    page = f"{ROOMS}{room_of(top).nid}/space/"
    first = browser.get(page)
    assert len(first.html.css("tbody tr")) == 50
    assert len(browser.get(page + first.href("a[rel=next]")).html.css("tbody tr")) == 11


def test_ends_of_a_history_are_shown_and_brought_together(browser: Browser, clients: ClientFactory) -> None:
    alice = clients.make("alice")
    room_id = alice.create_room()
    room = room_of(room_id)
    old = alice.send(room_id).body["event_id"]
    alice.send(room_id)
    with db.write():
        ends = rooms.head(room.nid).extremities
        extremities.set_forward(room.nid, [*(end.nid for end in ends), events.nids_by_id([old])[old]])
    page = f"{ROOMS}{room.nid}/ends/"
    shown = browser.get(page)
    assert len(shown.html.css("tbody tr")) == 2
    assert "There is 1 end fewer" in browser.post(f"{page}join/", page=page).message
    assert len(browser.get(page).html.css("tbody tr")) == 1
    assert audit.page(before=None, limit=1)[0].action == "room.join_extremities"


def test_somebody_is_let_into_a_room(browser: Browser, clients: ClientFactory) -> None:
    alice, bob = clients.make("alice"), clients.make("bob")
    room_id = alice.create_room(preset="public_chat")
    page = f"{ROOMS}{room_of(room_id).nid}/"
    browser.post(f"{page}add-user/", {"user_id": bob.user_id}, page=page)
    assert membership_of(room_id, bob.user_id) == "join"
    closed = alice.create_room()
    page = f"{ROOMS}{room_of(closed).nid}/"
    assert browser.post(f"{page}add-user/", {"user_id": bob.user_id}, page=page).texts(".notice.error")


def test_more_rows_with_all_columns_cost_no_more_statements(browser: Browser, clients: ClientFactory) -> None:
    alice = clients.make("alice")
    alice.create_room()
    for page, column in ((USERS, "addresses"), (ROOMS, "state")):
        browser.get(page, columns=column)
        with recorded() as few:
            browser.get(page, columns=column)
        for _ in range(3):
            clients.make().create_room()
        with recorded() as many:
            browser.get(page, columns=column)
        assert len(few) == len(many)
