"""The initial syncs of old clients."""

from __future__ import annotations

from urllib.parse import quote

from tests.factories.client import ClientFactory


def test_a_room_comes_with_its_state_and_latest_events(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(topic="all")
    for text in "abc":
        alice.send(room_id, text)
    path = f"/rooms/{quote(room_id)}"
    body = alice.get(f"{path}/initialSync?limit=2").body
    assert (body["room_id"], body["membership"], body["visibility"]) == (room_id, "join", "private")
    assert [event["content"]["body"] for event in body["messages"]["chunk"]] == ["b", "c"]
    assert any(event["type"] == "m.room.topic" for event in body["state"])
    assert {event["user_id"] for event in body["state"] + body["messages"]["chunk"]} == {alice.user_id}
    older = alice.get(f"{path}/messages?dir=b&limit=1&from={body['messages']['start']}").body
    assert older["chunk"][0]["content"]["body"] == "a"
    assert "presence" in body


def test_guests_begin_to_preview_a_world_readable_room_with_it(clients: ClientFactory) -> None:
    alice, guest = clients.make(), clients.make(guest=True)
    room_id = alice.create_room()
    path = f"/rooms/{quote(room_id)}/initialSync"
    assert guest.get(path).errcode == "M_FORBIDDEN"
    alice.set_state(room_id, "m.room.history_visibility", {"history_visibility": "world_readable"})
    alice.send(room_id, "seen")
    body = guest.get(path).body
    assert body["messages"]["chunk"][-1]["content"]["body"] == "seen"
    assert "membership" not in body


def test_who_left_gets_the_room_as_it_was(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat", topic="old")
    bob.change(room_id, "join")
    bob.change(room_id, "leave")
    alice.set_state(room_id, "m.room.topic", {"topic": "new"})
    body = bob.get(f"/rooms/{quote(room_id)}/initialSync").body
    assert body["membership"] == "leave"
    assert [e["content"]["topic"] for e in body["state"] if e["type"] == "m.room.topic"] == ["old"]
    assert body["messages"]["chunk"][-1]["content"]["membership"] == "leave"


def test_every_room_of_a_user_comes_at_once(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    joined, invited, left = (alice.create_room(preset="public_chat") for _ in range(3))
    for room_id in (joined, left):
        bob.change(room_id, "join")
    bob.change(left, "leave")
    alice.change(invited, "invite", user_id=bob.user_id)
    body = bob.get("/initialSync?limit=1").body
    assert {room["room_id"]: room["membership"] for room in body["rooms"]} == {
        joined: "join",
        invited: "invite",
    }
    (invite,) = (room for room in body["rooms"] if room["room_id"] == invited)
    assert invite["invite"]["state_key"] == bob.user_id
    assert invite["inviter"] == alice.user_id
    assert {"end", "presence", "account_data"} <= set(body)
    archived = bob.get("/initialSync?archived=true&limit=0").body["rooms"]
    assert {room["room_id"] for room in archived} == {joined, invited, left}
