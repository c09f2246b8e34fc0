"""What administrators do with rooms, seen through the client API."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.services import long_tasks
from matrix_app.storage import audit, db, rooms
from matrix_app.storage import long_tasks as stored_tasks
from tests.factories.browser import Browser, Shown
from tests.factories.client import ClientFactory

pytestmark = pytest.mark.django_db(transaction=True)


def address_of(room_id: str) -> str:
    room = rooms.find(room_id)
    assert room is not None
    return f"/admin/rooms/{room.nid}/"


def act(browser: Browser, room_id: str, action: str, **fields: Any) -> Shown:
    page = address_of(room_id)
    return browser.post(f"{page}{action}/", fields, page=page)


def run_task() -> dict[str, Any]:
    (task,) = stored_tasks.page(before=None, limit=1)
    long_tasks.run(task.nid)
    done = stored_tasks.find(task.nid)
    assert done is not None
    assert done.state == "done", done
    return done.result


def test_rooms_are_found_filtered_sorted_and_paged(browser: Browser, clients: ClientFactory) -> None:
    host = clients.make()
    host.create_room(name="Zoo", preset="public_chat")
    host.create_room(name="Attic", creation_content={"type": "m.space"})
    for number in range(52):
        host.create_room(name=f"Room {number:02}")
    shown = browser.get("/admin/rooms/", sort="name")
    assert shown.texts("tbody tr td:nth-child(2) a")[0] == "Attic"
    second = browser.get("/admin/rooms/" + shown.href("a[rel=next]"))
    assert second.texts("tbody tr td:nth-child(2) a")[-1] == "Zoo"
    assert browser.get("/admin/rooms/", kind="public").texts("tbody tr td:nth-child(2) a") == ["Zoo"]
    assert browser.get("/admin/rooms/", kind="spaces").texts("tbody tr td:nth-child(2) a") == ["Attic"]
    assert len(browser.get("/admin/rooms/", q="room 1").html.css("tbody tr")) == 10


def test_a_room_shows_what_it_is_who_is_in_it_and_its_state(browser: Browser, clients: ClientFactory) -> None:
    host, guest = clients.many(2)
    room_id = host.create_room(name="<b>Kitchen</b>", topic="Cooking", preset="public_chat")
    guest.change(room_id, "join")
    page = address_of(room_id)
    assert "&lt;b&gt;Kitchen" in browser.get(page).text
    assert "Cooking" in browser.get(page).text
    assert len(browser.get(f"{page}members/").html.css("tbody tr")) == 2
    assert "m.room.power_levels" in browser.get(f"{page}state/").text


def test_a_blocked_room_is_joined_by_nobody(browser: Browser, clients: ClientFactory) -> None:
    host, guest = clients.many(2)
    room_id = host.create_room(preset="public_chat")
    act(browser, room_id, "block")
    assert guest.change(room_id, "join").status == 403
    act(browser, room_id, "block")
    assert guest.change(room_id, "join").status == 200


def test_a_room_is_put_into_the_directory_and_taken_out(browser: Browser, clients: ClientFactory) -> None:
    host = clients.make()
    room_id = host.create_room(name="Market", preset="public_chat")
    act(browser, room_id, "publish")
    found = [room["room_id"] for room in host.get("/publicRooms").body["chunk"]]
    assert found == [room_id]
    act(browser, room_id, "publish")
    assert host.get("/publicRooms").body["chunk"] == []


@pytest.mark.parametrize("version", ["11", "12"])
def test_a_user_is_made_administrator_of_a_room(
    browser: Browser, clients: ClientFactory, version: str
) -> None:
    host, heir = clients.many(2)
    room_id = host.create_room(preset="public_chat", room_version=version)
    heir.change(room_id, "join")
    act(browser, room_id, "make-admin", user_id=heir.user_id)
    assert heir.set_state(room_id, "m.room.name", {"name": "Mine"}).status == 200
    assert "already" in act(browser, room_id, "make-admin", user_id=heir.user_id).message


def test_a_deleted_room_is_gone_for_its_members(browser: Browser, clients: ClientFactory) -> None:
    host, guest = clients.many(2)
    room_id = host.create_room(preset="public_chat", room_alias_name="gone")
    guest.change(room_id, "join")
    assert "nothing has been done" in act(browser, room_id, "delete").message
    act(browser, room_id, "delete", typed_name=room_id, block="on")
    assert run_task() == {"left": 2}
    assert host.get("/joined_rooms").body["joined_rooms"] == []
    assert guest.change(room_id, "join").status == 403
    assert host.get("/directory/room/%23gone%3Ahearth.example").status == 404
    assert db.value("SELECT count(*) FROM event") == 0
    assert audit.page(before=None, limit=5, target=room_id)[0].action == "room.delete"


def test_old_messages_are_removed_from_a_day_on(browser: Browser, clients: ClientFactory) -> None:
    host = clients.make()
    room_id = host.create_room()
    host.send(room_id, "old")
    with db.write():
        db.execute("UPDATE event SET origin_server_ts = 1000")
    host.send(room_id, "new")
    assert "up to which day" in act(browser, room_id, "purge", before="soon").message
    act(browser, room_id, "purge", before="2020-01-01", local_too="on")
    run_task()
    chunk = host.get(f"/rooms/{room_id}/messages?dir=b").body["chunk"]
    assert [event["content"]["body"] for event in chunk] == ["new"]


def test_chosen_rooms_are_blocked_together(browser: Browser, clients: ClientFactory) -> None:
    host = clients.make()
    room_ids = [host.create_room(preset="public_chat") for _ in range(3)]
    nids = [room.nid for room_id in room_ids if (room := rooms.find(room_id)) is not None]
    browser.post("/admin/rooms/chosen/block/", {"chosen": nids[:2]}, page="/admin/rooms/")
    assert len(browser.get("/admin/rooms/", kind="blocked").html.css("tbody tr")) == 2
