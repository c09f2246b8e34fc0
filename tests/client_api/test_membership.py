"""Joining, leaving and inviting."""

from __future__ import annotations

from tests.factories.client import ClientFactory


def test_an_invited_user_joins_and_leaves(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    assert bob.change(room_id, "join").errcode == "M_FORBIDDEN"
    assert alice.change(room_id, "invite", user_id=bob.user_id).status == 200
    assert bob.change(room_id, "join").body == {"room_id": room_id}
    assert bob.send(room_id).status == 200
    assert bob.change(room_id, "leave").body == {}
    assert bob.send(room_id).errcode == "M_FORBIDDEN"
    assert bob.change(room_id, "leave").body == {}


def test_an_unknown_room_or_alias_cannot_be_joined(clients: ClientFactory) -> None:
    alice = clients.make()
    assert alice.post("/join/!unknown:hearth.example").status == 404
    assert alice.post("/join/%23unknown:hearth.example").errcode == "M_NOT_FOUND"
    assert alice.post("/join/nonsense").errcode == "M_INVALID_PARAM"
