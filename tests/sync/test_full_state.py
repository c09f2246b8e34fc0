"""What /sync tells who asks for the whole state although they have been told of it before."""

import pytest

from tests.factories.client import ClientFactory
from tests.factories.syncing import sync

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_new_name_of_ones_own_brings_no_old_events_with_the_whole_state(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(name="Garden")
    alice.send(room_id, "old")
    since = sync(alice)["next_batch"]
    named = {"membership": "join", "displayname": "Alice"}
    alice.set_state(room_id, "m.room.member", named, alice.user_id)
    room = sync(alice, since, full_state="true")["rooms"]["join"][room_id]
    assert [event["content"] for event in room["timeline"]["events"]] == [named]
    assert room["timeline"]["limited"] is False
    assert "m.room.name" in {event["type"] for event in room["state"]["events"]}
