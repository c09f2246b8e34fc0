"""Paging through the history of a room."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.factories.client import Answer, Client, ClientFactory


def messages(client: Client, room_id: str, dir: str = "b", **query: Any) -> Answer:
    """GET /messages."""
    if isinstance(query.get("filter"), dict):
        query["filter"] = json.dumps(query["filter"])
    text = "&".join(f"{name}={quote(str(value))}" for name, value in {"dir": dir, **query}.items())
    return client.get(f"/rooms/{quote(room_id)}/messages?{text}")


def ids(answer: Answer) -> list[str]:
    """The IDs of the events of a page."""
    assert answer.status == 200, answer
    return [event["event_id"] for event in answer.body["chunk"]]


def bodies(answer: Answer) -> list[str]:
    """The texts of the messages of a page."""
    assert answer.status == 200, answer
    return [event["content"]["body"] for event in answer.body["chunk"] if "body" in event["content"]]


def sent(client: Client, room_id: str, *texts: str) -> None:
    """Send messages."""
    for text in texts:
        assert client.send(room_id, text).status == 200


def test_pages_follow_one_another_without_gaps_to_the_creation_of_the_room(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    sent(alice, room_id, *"abcdefg")
    whole = ids(messages(alice, room_id, limit=100))
    found: list[str] = []
    query: dict[str, Any] = {}
    while True:
        page = messages(alice, room_id, limit=3, **query)
        found += ids(page)
        if "end" not in page.body:
            break
        query = {"from": page.body["end"]}
    assert found == whole
    assert messages(alice, room_id, limit=100).body["chunk"][-1]["type"] == "m.room.create"


def test_forwards_gives_the_same_events_the_other_way_round(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    sent(alice, room_id, *"abc")
    backwards = ids(messages(alice, room_id, limit=100))
    page = messages(alice, room_id, "f", limit=4)
    rest = messages(alice, room_id, "f", limit=100, **{"from": page.body["end"]})
    assert ids(page) + ids(rest) == backwards[::-1]
    behind = messages(alice, room_id, "f", **{"from": rest.body["end"]})
    assert ids(behind) == []
    assert "end" not in behind.body


def test_a_page_ends_where_to_says(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    sent(alice, room_id, "a")
    stop = messages(alice, room_id, limit=1).body["start"]
    sent(alice, room_id, "b", "c")
    page = messages(alice, room_id, to=stop)
    assert bodies(page) == ["c", "b"]
    assert ids(messages(alice, room_id, to=stop, **{"from": page.body["end"]})) == []
    assert bodies(messages(alice, room_id, "f", to=stop, limit=100)) == ["a"]


def test_a_filter_does_not_make_gaps(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    sent(alice, room_id, "first")
    for number in range(30):
        alice.set_state(room_id, "m.room.topic", {"topic": str(number)})
    sent(alice, room_id, "last")
    page = messages(alice, room_id, limit=1, filter={"types": ["m.room.message"]})
    assert bodies(page) == ["last"]
    page = messages(
        alice, room_id, limit=5, filter={"types": ["m.room.message"]}, **{"from": page.body["end"]}
    )
    assert bodies(page) == ["first"]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"types": ["m.room.mess*"]}, 2),
        ({"types": []}, 0),
        ({"not_types": ["*"]}, 0),
        ({"types": ["m.room.message"], "contains_url": True}, 1),
        ({"types": ["m.room.message"], "contains_url": False}, 1),
        ({"types": ["m.room.message"], "not_senders": ["@alice:hearth.example"]}, 0),
        ({"types": ["m.room.message"], "related_by_rel_types": ["m.annotation"]}, 1),
        ({"types": ["m.room.message"], "related_by_senders": ["@bob:hearth.example"]}, 0),
    ],
)
def test_filters_choose_events(clients: ClientFactory, wanted: dict[str, Any], expected: int) -> None:
    alice = clients.make("alice")
    room_id = alice.create_room()
    event_id = alice.send(room_id, "text").body["event_id"]
    path = f"/rooms/{quote(room_id)}/send"
    alice.put(f"{path}/m.room.message/u", {"msgtype": "m.file", "body": "f", "url": "mxc://a/b"})
    relation = {"rel_type": "m.annotation", "event_id": event_id, "key": "+"}
    alice.put(f"{path}/m.reaction/r", {"m.relates_to": relation})
    assert len(ids(messages(alice, room_id, filter=wanted))) == expected


@pytest.mark.parametrize("dir", ["b", "f"])
def test_lazy_loading_brings_members_who_came_while_the_page_was_said(
    clients: ClientFactory, dir: str
) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    sent(alice, room_id, "one")
    bob.change(room_id, "join")
    sent(bob, room_id, "two")
    wanted = {"lazy_load_members": True, "types": ["m.room.message"]}
    page = messages(alice, room_id, dir, filter=wanted)
    assert sorted(bodies(page)) == ["one", "two"]
    assert {event["state_key"] for event in page.body["state"]} == {alice.user_id, bob.user_id}


def test_lazy_loading_brings_the_members_who_sent_the_page(clients: ClientFactory) -> None:
    alice, bob, charlie = clients.many(3)
    room_id = alice.create_room(preset="public_chat")
    for client in (bob, charlie):
        client.change(room_id, "join")
    sent(bob, room_id, "hi")
    page = messages(alice, room_id, limit=1, filter={"lazy_load_members": True})
    assert [event["state_key"] for event in page.body["state"]] == [bob.user_id]


def test_who_left_reads_up_to_the_leave_and_no_further(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    sent(alice, room_id, "before")
    bob.change(room_id, "leave")
    sent(alice, room_id, "after")
    page = messages(bob, room_id, limit=2)
    assert bodies(page) == ["before"]
    assert page.body["chunk"][0]["content"]["membership"] == "leave"
    now = messages(alice, room_id, limit=1).body["start"]
    assert bodies(messages(bob, room_id, limit=2, **{"from": now})) == ["before"]
    assert "after" not in bodies(messages(bob, room_id, "f", limit=100))


def test_strangers_and_the_invited_read_nothing(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    assert messages(bob, room_id).errcode == "M_FORBIDDEN"
    alice.change(room_id, "invite", user_id=bob.user_id)
    assert messages(bob, room_id).errcode == "M_FORBIDDEN"
    bob.change(room_id, "leave")
    assert messages(bob, room_id).errcode == "M_FORBIDDEN"
    assert messages(bob, "!nowhere:hearth.example").status == 403


def test_guests_preview_a_world_readable_room(clients: ClientFactory) -> None:
    alice, guest = clients.make(), clients.make(guest=True)
    room_id = alice.create_room()
    sent(alice, room_id, "hidden")
    alice.set_state(room_id, "m.room.history_visibility", {"history_visibility": "world_readable"})
    sent(alice, room_id, "shown")
    assert bodies(messages(guest, room_id, limit=100)) == ["shown"]


def test_messages_of_ignored_users_are_left_out(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    sent(bob, room_id, "noise")
    sent(alice, room_id, "signal")
    from matrix_app.storage import db

    content = json.dumps({"ignored_users": {bob.user_id: {}}}).encode()
    sql = "INSERT INTO account_data (user_nid, room_nid, type, content, position) VALUES (%s, 0, %s, %s, 1)"
    db.execute(sql, (alice.requester.user_nid, "m.ignored_user_list", content))
    assert bodies(messages(alice, room_id)) == ["signal"]


@pytest.mark.parametrize(
    ("query", "errcode"),
    [
        ({"dir": "x"}, "M_INVALID_PARAM"),
        ({"limit": "ten"}, "M_INVALID_PARAM"),
        ({"limit": -1}, "M_INVALID_PARAM"),
        ({"from": "nonsense"}, "M_INVALID_PARAM"),
        ({"to": "t1"}, "M_INVALID_PARAM"),
        ({"filter": "{"}, "M_NOT_JSON"),
        ({"filter": '{"types": 1}'}, "M_BAD_JSON"),
    ],
)
def test_bad_parameters_are_refused(clients: ClientFactory, query: dict[str, Any], errcode: str) -> None:
    alice = clients.make()
    answer = messages(alice, alice.create_room(), **query)
    assert (answer.status, answer.errcode) == (400, errcode)


def test_the_direction_must_be_named(clients: ClientFactory) -> None:
    alice = clients.make()
    assert alice.get(f"/rooms/{quote(alice.create_room())}/messages").errcode == "M_MISSING_PARAM"
