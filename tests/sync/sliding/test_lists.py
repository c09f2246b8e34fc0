"""Lists of sliding sync: which rooms belong to them, and in which order."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories.client import Client, ClientFactory
from tests.factories.sliding import Follower, room_list, sliding

pytestmark = pytest.mark.django_db(transaction=True)


def _found(client: Client, **filters: Any) -> set[str]:
    answer = sliding(client, lists={"all": room_list(filters=filters)})
    rooms = set(answer["rooms"])
    assert answer["lists"]["all"]["count"] == len(rooms)
    return rooms


def test_filters_by_encryption(clients: ClientFactory) -> None:
    alice = clients.make()
    encryption = {"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
    plain, encrypted = alice.create_room(), alice.create_room(initial_state=[encryption])
    assert _found(alice, is_encrypted=True) == {encrypted}
    assert _found(alice, is_encrypted=False) == {plain}


def test_filters_by_type(clients: ClientFactory) -> None:
    alice = clients.make()
    plain, space = alice.create_room(), alice.create_room(creation_content={"type": "m.space"})
    assert _found(alice, room_types=["m.space"]) == {space}
    assert _found(alice, room_types=[None]) == {plain}
    assert _found(alice, not_room_types=["m.space"]) == {plain}
    assert _found(alice, room_types=["m.space", None], not_room_types=["m.space"]) == {plain}
    # What clients send that have nothing to ask.
    assert _found(alice, room_types=[], not_room_types=[]) == {plain, space}


def test_filters_by_name(clients: ClientFactory) -> None:
    alice = clients.make()
    garden, _ = alice.create_room(name="The Garden"), alice.create_room()
    assert _found(alice, room_name_like="garD") == {garden}


def test_filters_by_direct_chats(clients: ClientFactory) -> None:
    alice = clients.make()
    direct, other = alice.create_room(), alice.create_room()
    alice.put(f"/user/{alice.user_id}/account_data/m.direct", {"@bob:example.org": [direct]})
    assert _found(alice, is_dm=True) == {direct}
    assert _found(alice, is_dm=False) == {other}


def test_filters_by_tags(clients: ClientFactory) -> None:
    alice = clients.make()
    rooms = [alice.create_room() for _ in range(3)]
    for room_id, tag in ((rooms[0], "u.a"), (rooms[1], "u.a"), (rooms[1], "u.b")):
        alice.put(f"/user/{alice.user_id}/rooms/{room_id}/tags/{tag}", {})
    assert _found(alice, tags=["u.a"]) == {rooms[0], rooms[1]}
    assert _found(alice, tags=["u.a"], not_tags=["u.b"]) == {rooms[0]}
    assert _found(alice, not_tags=["u.a"]) == {rooms[2]}


def test_filters_by_spaces(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    space = alice.create_room(creation_content={"type": "m.space"}, preset="public_chat")
    inside, _ = alice.create_room(), alice.create_room()
    alice.set_state(space, "m.space.child", {"via": ["hearth.example"]}, inside)
    assert _found(alice, spaces=[space]) == {inside}
    assert _found(alice, spaces=["!nothing:hearth.example"]) == set()
    alice.change(inside, "invite", user_id=bob.user_id)
    # Who is not in the space does not see what is in it.
    assert _found(bob, spaces=[space]) == set()
    alice.set_state(space, "m.space.child", {}, inside)
    assert _found(alice, spaces=[space]) == set()


def test_filters_by_invites(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    own = bob.create_room()
    invited = alice.create_room(invite=[bob.user_id], name="Garden")
    assert _found(bob, is_invite=True) == {invited}
    assert _found(bob, is_invited=True) == {invited}
    assert _found(bob, is_invite=False) == {own}
    # What the invite tells of the room is filtered by too.
    assert _found(bob, room_name_like="garden") == {invited}


def test_invites_of_ignored_users_are_not_there(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(invite=[bob.user_id])
    assert _found(bob) == {room_id}
    content: dict[str, Any] = {"ignored_users": {alice.user_id: {}}}
    bob.put(f"/user/{bob.user_id}/account_data/m.ignored_user_list", content)
    assert _found(bob) == set()
    assert sliding(bob, room_subscriptions={room_id: {"timeline_limit": 1}})["rooms"] == {}


def test_messages_of_ignored_users_are_not_shown(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    content: dict[str, Any] = {"ignored_users": {alice.user_id: {}}}
    bob.put(f"/user/{bob.user_id}/account_data/m.ignored_user_list", content)
    follower = Follower(bob, lists={"all": room_list()})
    follower.sync()
    alice.send(room_id, "hello")
    told = follower.sync()["rooms"].get(room_id, {})
    assert told.get("timeline", []) == []


def test_ranges_may_be_several_and_lists_may_share_rooms(clients: ClientFactory) -> None:
    alice = clients.make()
    rooms = [alice.create_room() for _ in range(6)][::-1]
    ranges = {**room_list(), "ranges": [[0, 1], [4, 4]]}
    more = room_list(end=0, limit=3, state=[["m.room.power_levels", ""]])
    answer = sliding(alice, lists={"some": ranges, "first": more})
    assert set(answer["rooms"]) == {rooms[0], rooms[1], rooms[4]}
    assert answer["lists"] == {"some": {"count": 6}, "first": {"count": 6}}
    first = answer["rooms"][rooms[0]]
    assert len(first["timeline"]) == 3
    assert "m.room.power_levels" in {event["type"] for event in first["required_state"]}
    assert len(answer["rooms"][rooms[1]]["timeline"]) == 1


def test_without_a_range_every_room_is_wanted(clients: ClientFactory) -> None:
    alice = clients.make()
    rooms = {alice.create_room() for _ in range(3)}
    wanted = {key: value for key, value in room_list().items() if key != "ranges"}
    assert set(sliding(alice, lists={"all": wanted})["rooms"]) == rooms
    assert len(sliding(alice, lists={"all": {**wanted, "range": [1, 1]}})["rooms"]) == 1


def test_required_state_of_newer_drafts(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    state = {"include": [{}], "exclude": [{"type": "m.room.create"}], "lazy_members": True}
    room = sliding(alice, lists={"all": room_list(state=state)})["rooms"][room_id]
    found = [(event["type"], event["state_key"]) for event in room["required_state"]]
    assert ("m.room.power_levels", "") in found
    assert "m.room.create" not in {kind for kind, _ in found}
    assert [key for kind, key in found if kind == "m.room.member"] == [bob.user_id]


def test_all_members_by_wildcard(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    for state in ([["m.room.member", "*"]], [["*", "*"]], [["*", bob.user_id], ["m.room.member", "$ME"]]):
        room = sliding(alice, lists={"all": room_list(state=state)})["rooms"][room_id]
        members = {e["state_key"] for e in room["required_state"] if e["type"] == "m.room.member"}
        assert members == {alice.user_id, bob.user_id}
