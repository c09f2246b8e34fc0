"""PUT /send and PUT /state."""

from __future__ import annotations

from tests.factories.client import ClientFactory


def test_a_repeated_transaction_id_answers_the_first_event(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    first, second = alice.send(room_id, "one", "t"), alice.send(room_id, "two", "t")
    assert first.body == second.body
    assert alice.send(alice.create_room(), "one", "t").body != first.body


def test_setting_state_to_what_it_is_makes_no_event(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    first = alice.set_state(room_id, "m.room.name", {"name": "A"})
    assert alice.set_state(room_id, "m.room.name", {"name": "A"}).body == first.body
    assert alice.set_state(room_id, "m.room.name", {"name": "B"}).body != first.body


def test_who_is_not_in_a_room_sends_nothing_into_it(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    assert bob.send(room_id).errcode == "M_FORBIDDEN"
    assert bob.send("!unknown:hearth.example").errcode == "M_FORBIDDEN"
    assert bob.send("unknown").errcode == "M_INVALID_PARAM"


def test_too_large_an_event_is_refused(clients: ClientFactory) -> None:
    alice = clients.make()
    assert alice.send(alice.create_room(), "x" * 65536).status == 413
