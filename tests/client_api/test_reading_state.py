"""Reading the state and the members of a room."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from urllib.parse import quote

import pytest

from matrix_app.protocol.errors import Forbidden
from matrix_app.services import mutual_rooms
from matrix_app.services.joined_members import joined_members
from tests.factories.client import Client, ClientFactory
from tests.factories.settings import settings


def topic(client: Client, room_id: str) -> str | None:
    """The topic that a client reads."""
    answer = client.get(f"/rooms/{quote(room_id)}/state/m.room.topic")
    return answer.body["topic"] if answer.status == 200 else answer.errcode


def test_a_member_reads_the_present_state(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(topic="one")
    alice.set_state(room_id, "m.room.topic", {"topic": "two"})
    assert topic(alice, room_id) == "two"
    whole = alice.get(f"/rooms/{quote(room_id)}/state").body
    assert [event["content"] for event in whole if event["type"] == "m.room.topic"] == [{"topic": "two"}]


def test_the_whole_event_comes_when_it_is_asked_for(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(topic="one")
    answer = alice.get(f"/rooms/{quote(room_id)}/state/m.room.topic/?format=event")
    assert (answer.body["type"], answer.body["sender"]) == ("m.room.topic", alice.user_id)
    assert alice.get(f"/rooms/{quote(room_id)}/state/m.room.topic/?format=x").errcode == "M_INVALID_PARAM"


def test_a_redacted_entry_is_read_without_its_content(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    event_id = alice.set_state(room_id, "m.room.topic", {"topic": "oops"}).body["event_id"]
    from tests.factories.rooms import StoredRoom

    room = StoredRoom.existing(room_id)
    room.redact(alice.user_id, room.row(event_id))
    assert alice.get(f"/rooms/{quote(room_id)}/state/m.room.topic").body == {}


def test_who_left_reads_the_state_of_when_they_left(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat", topic="old")
    bob.change(room_id, "join")
    bob.change(room_id, "leave")
    alice.set_state(room_id, "m.room.topic", {"topic": "new"})
    assert topic(bob, room_id) == "old"
    whole = bob.get(f"/rooms/{quote(room_id)}/state").body
    assert [e["content"]["topic"] for e in whole if e["type"] == "m.room.topic"] == ["old"]
    chunk = bob.get(f"/rooms/{quote(room_id)}/members").body["chunk"]
    assert {event["state_key"]: event["content"]["membership"] for event in chunk} == {
        alice.user_id: "join",
        bob.user_id: "leave",
    }


def test_strangers_read_only_what_is_world_readable(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make(guest=True)
    room_id = alice.create_room(topic="hush")
    for path in ("state", "state/m.room.topic", "members"):
        assert bob.get(f"/rooms/{quote(room_id)}/{path}").errcode == "M_FORBIDDEN"
    alice.set_state(room_id, "m.room.history_visibility", {"history_visibility": "world_readable"})
    assert topic(bob, room_id) == "hush"


def test_state_that_is_not_there_is_not_found(clients: ClientFactory) -> None:
    alice = clients.make()
    assert topic(alice, alice.create_room()) == "M_NOT_FOUND"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "abc"),
        ("?membership=join", "ab"),
        ("?membership=leave", "c"),
        ("?not_membership=leave", "ab"),
        ("?membership=leave&not_membership=leave", "abc"),
    ],
)
def test_members_are_chosen_by_membership(clients: ClientFactory, query: str, expected: str) -> None:
    alice, bob, charlie = (clients.make(name) for name in "abc")
    room_id = alice.create_room(preset="public_chat")
    for client in (bob, charlie):
        client.change(room_id, "join")
    charlie.change(room_id, "leave")
    chunk = alice.get(f"/rooms/{quote(room_id)}/members{query}").body["chunk"]
    assert "".join(event["state_key"][1] for event in chunk) == expected


def test_members_are_read_as_of_a_place(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    at = alice.get(f"/rooms/{quote(room_id)}/messages?dir=b").body["start"]
    bob.change(room_id, "join")
    chunk = alice.get(f"/rooms/{quote(room_id)}/members?at={at}").body["chunk"]
    assert [event["state_key"] for event in chunk] == [alice.user_id]


def test_an_unknown_membership_is_refused(clients: ClientFactory) -> None:
    alice = clients.make()
    answer = alice.get(f"/rooms/{quote(alice.create_room())}/members?membership=guest")
    assert answer.errcode == "M_INVALID_PARAM"


def test_joined_members_come_with_their_names(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    name = {"membership": "join", "displayname": "Alice", "avatar_url": "mxc://a/b"}
    alice.set_state(room_id, "m.room.member", name, alice.user_id)
    alice.change(room_id, "invite", user_id=bob.user_id)
    path = f"/rooms/{quote(room_id)}/joined_members"
    expected = {alice.user_id: {"display_name": "Alice", "avatar_url": "mxc://a/b"}}
    assert alice.get(path).body == {"joined": expected}
    alice.set_state(room_id, "m.room.member", {"membership": "join"}, alice.user_id)
    nameless = {"display_name": None, "avatar_url": None}
    assert alice.get(path).body == {"joined": {alice.user_id: nameless}}
    assert bob.get(path).errcode == "M_FORBIDDEN"


def test_joined_rooms_are_listed(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id, left = alice.create_room(), alice.create_room()
    alice.change(left, "leave")
    assert alice.get("/joined_rooms").body == {"joined_rooms": [room_id]}


def test_mutual_rooms_are_those_that_both_are_in(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    alice.create_room()
    path = "/_matrix/client/v1/mutual_rooms?user_id="
    assert alice.get(path + bob.user_id).body == {"joined": [], "count": 0}
    bob.change(room_id, "join")
    assert alice.get(path + bob.user_id).body == {"joined": [room_id], "count": 1}
    assert alice.get(path + "@nobody:elsewhere.example").body == {"joined": [], "count": 0}
    for wrong in (alice.user_id, "nobody", "@no%20body:elsewhere.example", "@:elsewhere.example"):
        assert alice.get(path + wrong).errcode == "M_INVALID_PARAM"
    assert alice.get(f"{path}{bob.user_id}&from=x").errcode == "M_INVALID_PARAM"


def test_clients_of_the_proposal_page_through_mutual_rooms(
    clients: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mutual_rooms, "PAGE", 1)
    alice, bob = clients.many(2)
    room_ids = [alice.create_room(preset="public_chat") for _ in range(2)]
    for room_id in room_ids:
        bob.change(room_id, "join")
    assert alice.get("/_matrix/client/versions").body["unstable_features"][
        "uk.half-shot.msc2666.query_mutual_rooms"
    ]
    path = f"/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms?user_id={bob.user_id}"
    first = alice.get(path).body
    last = alice.get(f"{path}&batch_token={first['next_batch_token']}").body
    assert first["joined"] + last["joined"] == room_ids
    assert "next_batch_token" not in last


def test_an_application_service_reads_the_members_of_rooms_of_its_users(
    clients: ClientFactory, tmp_path: Path
) -> None:
    alice, bot, puppet = clients.make(), clients.make("bot"), clients.make("bridged_x")
    file = tmp_path / "bridge.yaml"
    file.write_text(
        "{id: bridge, url: null, as_token: a, hs_token: h, sender_localpart: bot,"
        " namespaces: {users: [{exclusive: true, regex: '@bridged_.*'}]}}"
    )
    acting = dataclasses.replace(bot.requester, appservice_id="bridge")
    room_id = alice.create_room(preset="public_chat")
    with settings(app_services={"registration_files": (file,)}):
        with pytest.raises(Forbidden):
            joined_members(room_id, acting)
        puppet.change(room_id, "join")
        assert set(joined_members(room_id, acting)) == {alice.user_id, puppet.user_id}
