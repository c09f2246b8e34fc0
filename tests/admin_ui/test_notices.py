"""Server notices: from the page, by the administrators' API, to one user and to everybody."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from matrix_app.services import long_tasks
from matrix_app.services.send_notice import send_some
from matrix_app.storage import audit
from matrix_app.storage import long_tasks as stored_tasks
from tests.factories.browser import Browser
from tests.factories.client import Client, ClientFactory
from tests.factories.settings import settings
from tests.factories.syncing import sync

pytestmark = pytest.mark.django_db(transaction=True)
API = "/_synapse/admin/v1/send_server_notice"


def invited_to(client: Client) -> str:
    (room_id,) = sync(client)["rooms"]["invite"]
    return str(room_id)


def texts(client: Client, room_id: str) -> list[str]:
    chunk = client.get(f"/rooms/{quote(room_id)}/messages?dir=f&limit=50").body["chunk"]
    return [event["content"]["body"] for event in chunk if event["type"] == "m.room.message"]


def test_a_user_is_told_in_a_tagged_room_of_their_own(browser: Browser, clients: ClientFactory) -> None:
    alice = clients.make("alice")
    shown = browser.post("/admin/notices/", {"to": alice.user_id, "text": "Tonight the server is updated."})
    assert "has been sent" in shown.message
    room_id = invited_to(alice)
    alice.change(room_id, "join")
    assert texts(alice, room_id) == ["Tonight the server is updated."]
    tags = alice.get(f"/user/{alice.user_id}/rooms/{quote(room_id)}/tags").body["tags"]
    assert "m.server_notice" in tags
    assert alice.send(room_id).errcode == "M_FORBIDDEN"
    browser.post("/admin/notices/", {"to": alice.user_id, "text": "It is done."})
    assert texts(alice, room_id) == ["Tonight the server is updated.", "It is done."]
    assert audit.page(before=None, limit=1)[0].action == "notice.send"
    assert alice.user_id in browser.get("/admin/notices/").text


def test_notices_cannot_be_turned_down_but_their_room_can_be_left(
    browser: Browser, clients: ClientFactory
) -> None:
    alice = clients.make("alice")
    browser.post("/admin/notices/", {"to": alice.user_id, "text": "one"})
    room_id = invited_to(alice)
    assert alice.change(room_id, "leave").errcode == "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM"
    other = clients.make("bob")
    ordinary = other.create_room()
    other.change(ordinary, "invite", user_id=alice.user_id)
    assert alice.change(ordinary, "leave").status == 200
    alice.change(room_id, "join")
    assert alice.change(room_id, "leave").status == 200
    browser.post("/admin/notices/", {"to": alice.user_id, "text": "two"})
    assert invited_to(alice) == room_id


def test_everybody_is_told_once_even_when_the_task_begins_anew(
    browser: Browser, clients: ClientFactory
) -> None:
    users = [clients.make() for _ in range(3)]
    clients.make(guest=True)
    shown = browser.post("/admin/notices/", {"everybody": "on", "text": "Hello"})
    assert "being sent" in shown.message
    (task,) = stored_tasks.of_kind("notices.send_all")
    long_tasks.run(task.nid)
    done = stored_tasks.find(task.nid)
    assert done is not None
    assert (done.state, done.result) == ("done", {"sent": 4, "refused": 0})
    assert send_some(long_tasks.LongTask(task))
    for user in users:
        room_id = invited_to(user)
        user.change(room_id, "join")
        assert texts(user, room_id) == ["Hello"]


def test_who_cannot_be_told_is_named(browser: Browser, clients: ClientFactory) -> None:
    guest = clients.make("visitor", guest=True)
    for to, fault in (
        ("@nobody:hearth.example", "no such user"),
        ("@far:elsewhere.example", "does not belong"),
        (guest.user_id, "get no notices"),
        ("", "Name a user"),
    ):
        assert fault in browser.post("/admin/notices/", {"to": to, "text": "x"}).text


def test_tools_send_notices_and_repeat_them_safely(clients: ClientFactory) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    body = {"user_id": alice.user_id, "content": {"msgtype": "m.text", "body": "by API"}}
    first = admin.put(f"{API}/t1", body)
    assert first.status == 200, first
    assert admin.put(f"{API}/t1", body).body == first.body
    assert admin.post(API, body).body != first.body
    room_id = invited_to(alice)
    alice.change(room_id, "join")
    assert texts(alice, room_id) == ["by API", "by API"]
    assert alice.post(API, body).errcode == "M_FORBIDDEN"


def test_the_room_is_not_encrypted_even_where_rooms_are_by_default(clients: ClientFactory) -> None:
    admin, alice = clients.make(admin=True), clients.make()
    with settings(rooms={"encrypt_by_default": True}, notices={"room_name": "From your hosts"}):
        admin.post(API, {"user_id": alice.user_id, "content": {"msgtype": "m.text", "body": "plain"}})
        room_id = invited_to(alice)
        alice.change(room_id, "join")
        assert alice.get(f"/rooms/{quote(room_id)}/state/m.room.encryption").errcode == "M_NOT_FOUND"
        assert alice.get(f"/rooms/{quote(room_id)}/state/m.room.name").body["name"] == "From your hosts"
