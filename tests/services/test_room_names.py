"""What rooms are called for their members."""

from __future__ import annotations

from matrix_app.services.room_names import room_name
from matrix_app.storage import db, interning, invite_state, rooms
from tests.factories.client import Client, ClientFactory


def name_for(client: Client, room_id: str) -> str:
    room = rooms.find(room_id)
    assert room is not None
    return room_name(room.nid, client.requester.user_nid)


def test_a_room_is_called_by_its_name_or_else_its_alias(clients: ClientFactory) -> None:
    alice = clients.make()
    assert name_for(alice, alice.create_room()) == "Empty room"
    room_id = alice.create_room(room_alias_name="shed")
    assert name_for(alice, room_id) == f"#shed:{alice.user_id.partition(':')[2]}"
    alice.set_state(room_id, "m.room.name", {"name": "Garden"})
    assert name_for(alice, room_id) == "Garden"


def test_a_room_without_a_name_is_called_by_the_others_in_it(clients: ClientFactory) -> None:
    people = [clients.make(name) for name in ("ann", "ben", "cleo", "dan", "eve")]
    room_id = people[0].create_room(preset="public_chat")
    names = []
    for person in people[1:]:
        assert person.change(room_id, "join").status == 200
        names.append(name_for(people[0], room_id))
    assert names == ["ben", "ben and cleo", "ben, cleo and dan", "ben, cleo, dan and 1 more"]
    assert name_for(people[1], room_id) == "ann, cleo, dan and 1 more"


def test_an_invite_says_what_a_room_elsewhere_is_called(clients: ClientFactory) -> None:
    alice = clients.make()
    room = rooms.ensure("!elsewhere:other.example", "10")
    with db.write():
        state = [{"type": "m.room.name", "state_key": "", "content": {"name": "Far"}, "sender": "@x:y"}]
        invite_state.put(room.nid, interning.user_nid(alice.user_id), state)
    assert name_for(alice, room.room_id) == "Far"
