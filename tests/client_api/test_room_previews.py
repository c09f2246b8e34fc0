"""Hierarchies of spaces, and summaries of rooms."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from matrix_app.protocol.errors import NotFound
from matrix_app.services.room_summary import room_summary
from tests.factories.client import Answer, Client, ClientFactory

_V1 = "/_matrix/client/v1"


def space(client: Client, name: str = "space", **body: Any) -> str:
    """Make a public space."""
    made = {"preset": "public_chat", "creation_content": {"type": "m.space"}, "name": name}
    return client.create_room(**{**made, **body})


def add(client: Client, parent: str, child: str, **content: Any) -> None:
    """Make a room a child of a space."""
    answer = client.set_state(parent, "m.space.child", {"via": ["hearth.example"], **content}, child)
    assert answer.status == 200, answer


def hierarchy(client: Client, room_id: str, query: str = "") -> Answer:
    """GET /hierarchy."""
    return client.get(f"{_V1}/rooms/{quote(room_id)}/hierarchy{query}")


def ids(answer: Answer) -> list[str]:
    """The rooms of a page."""
    assert answer.status == 200, answer
    return [room["room_id"] for room in answer.body["rooms"]]


def test_the_tree_is_walked_depth_first_in_the_order_of_the_children(clients: ClientFactory) -> None:
    alice = clients.make()
    root, inner = space(alice), space(alice, "inner")
    a, b, c = (alice.create_room(preset="public_chat") for _ in range(3))
    add(alice, root, a)
    add(alice, root, inner, order="b")
    add(alice, root, b, order="a")
    add(alice, inner, c)
    found = hierarchy(alice, root)
    assert ids(found) == [root, b, inner, c, a]
    children = found.body["rooms"][0]["children_state"]
    assert [child["state_key"] for child in children] == [b, inner, a]
    assert set(children[0]) == {"type", "state_key", "sender", "content", "origin_server_ts"}
    assert found.body["rooms"][1]["children_state"] == []


def test_pages_give_the_tree_once_and_whole(clients: ClientFactory) -> None:
    alice = clients.make()
    root = space(alice)
    for _ in range(4):
        add(alice, root, alice.create_room(preset="public_chat"))
    whole = ids(hierarchy(alice, root))
    found, page = [], hierarchy(alice, root, "?limit=2")
    while "next_batch" in page.body:
        found += ids(page)
        page = hierarchy(alice, root, f"?limit=2&from={page.body['next_batch']}")
    assert found + ids(page) == whole
    token = hierarchy(alice, root, "?limit=2").body["next_batch"]
    for query in (f"?from={token}&max_depth=1", f"?from={token}&suggested_only=true", "?from=x", "?limit=0"):
        assert hierarchy(alice, root, query).errcode == "M_INVALID_PARAM"


def test_a_loop_of_spaces_ends(clients: ClientFactory) -> None:
    alice = clients.make()
    first, second = space(alice), space(alice)
    add(alice, first, second)
    add(alice, second, first)
    assert ids(hierarchy(alice, first)) == [first, second]


def test_rooms_that_one_was_banned_from_are_in_no_tree_unless_anybody_may_read_them(
    clients: ClientFactory,
) -> None:
    alice, bob = clients.many(2)
    root, public = space(alice), alice.create_room(preset="public_chat")
    visibility = {"type": "m.room.history_visibility", "content": {"history_visibility": "world_readable"}}
    readable = alice.create_room(preset="public_chat", initial_state=[visibility])
    for room_id in (public, readable):
        add(alice, root, room_id)
        alice.change(room_id, "ban", user_id=bob.user_id)
    bob.change(root, "join")
    assert ids(hierarchy(bob, root)) == [root, readable]
    assert hierarchy(bob, public).errcode == "M_FORBIDDEN"


def test_depth_and_suggestions_bound_the_tree(clients: ClientFactory) -> None:
    alice = clients.make()
    root, inner, deep = space(alice), space(alice), space(alice)
    add(alice, root, inner, suggested=True)
    add(alice, inner, deep)
    assert ids(hierarchy(alice, root, "?max_depth=0")) == [root]
    assert ids(hierarchy(alice, root, "?max_depth=1")) == [root, inner]
    assert ids(hierarchy(alice, root, "?suggested_only=true")) == [root, inner]


def test_rooms_that_a_user_may_not_know_of_are_left_out(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    root = space(alice)
    private, knocked = alice.create_room(), alice.create_room()
    restricted = alice.create_room(room_version="10")
    alice.set_state(knocked, "m.room.join_rules", {"join_rule": "knock"})
    allow = [{"type": "m.room_membership", "room_id": root}]
    alice.set_state(restricted, "m.room.join_rules", {"join_rule": "restricted", "allow": allow})
    for order, room_id in zip("abc", (private, knocked, restricted), strict=True):
        add(alice, root, room_id, order=order)
    alice.set_state(root, "m.space.child", {}, knocked + "gone")
    assert ids(hierarchy(alice, root)) == [root, private, knocked, restricted]
    assert ids(hierarchy(bob, root)) == [root, knocked]
    bob.change(root, "join")
    found = hierarchy(bob, root)
    assert ids(found) == [root, knocked, restricted]
    assert found.body["rooms"][-1]["allowed_room_ids"] == [root]
    alice.change(private, "invite", user_id=bob.user_id)
    assert private in ids(hierarchy(bob, root))


def test_a_private_space_is_closed(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(creation_content={"type": "m.space"})
    assert hierarchy(bob, room_id).errcode == "M_FORBIDDEN"
    assert hierarchy(bob, "!nowhere:hearth.example").errcode == "M_FORBIDDEN"


def summary(client: Client, room: str) -> Answer:
    """GET /room_summary."""
    return client.get(f"{_V1}/room_summary/{quote(room)}")


def test_a_public_room_is_summarised_for_anybody(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(
        preset="public_chat",
        name="Cheese",
        topic="Brie",
        room_alias_name="cheese",
        room_version="11",
    )
    expected = {
        "room_id": room_id,
        "name": "Cheese",
        "topic": "Brie",
        "canonical_alias": "#cheese:hearth.example",
        "num_joined_members": 1,
        "world_readable": False,
        "guest_can_join": False,
        "join_rule": "public",
        "room_version": "11",
    }
    for room in (room_id, "#cheese:hearth.example"):
        assert summary(alice, room).body == {**expected, "membership": "join"}
        assert room_summary(room, None) == expected
    private = alice.create_room()
    with pytest.raises(NotFound):
        room_summary(private, None)


def test_a_private_room_is_summarised_for_those_who_may_know_of_it(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    assert summary(bob, room_id).errcode == "M_NOT_FOUND"
    alice.change(room_id, "invite", user_id=bob.user_id)
    assert summary(bob, room_id).body["membership"] == "invite"
    assert summary(bob, "!nowhere:hearth.example").errcode == "M_NOT_FOUND"
    assert summary(bob, "#nowhere:hearth.example").errcode == "M_NOT_FOUND"
    assert summary(bob, "nonsense").errcode == "M_INVALID_PARAM"


@pytest.mark.parametrize("path", ["rooms/{}/summary", "summary/{}"])
def test_older_clients_find_the_summary_elsewhere(clients: ClientFactory, path: str) -> None:
    alice = clients.make()
    room_id = alice.create_room(
        initial_state=[{"type": "m.room.encryption", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}]
    )
    whole = "/_matrix/client/unstable/im.nheko.summary/" + path.format(quote(room_id))
    body = alice.get(whole).body
    assert body["encryption"] == body["im.nheko.summary.encryption"] == "m.megolm.v1.aes-sha2"
    assert body["im.nheko.summary.room_version"] == body["room_version"]
