"""What follows users to the room that replaces another."""

import pytest

from matrix_app.storage import aliases, db, interning
from tests.factories.events import ALICE
from tests.factories.fake_peers import SignedRoom
from tests.factories.remote_rooms import ZOE, JoinedRoom
from tests.factories.tasks import run_tasks

pytestmark = pytest.mark.django_db(transaction=True)
ALIAS = "#garden:hearth.example"


def test_an_alias_follows_when_the_tombstone_comes_after_the_join_of_the_new_room() -> None:
    before = SignedRoom.opened("10")
    old = JoinedRoom(before)
    content = {"predecessor": {"room_id": str(before.room_id), "event_id": before.events[-1].event_id}}
    new = JoinedRoom(SignedRoom.opened("10", create_content=content))
    with db.write():
        aliases.add(ALIAS, old.identity.nid, interning.user_nid(ZOE))
    tombstone = before.send(
        "m.room.tombstone", ALICE, {"replacement_room": new.identity.room_id}, state_key=""
    )
    old.receive(tombstone)
    assert aliases.of_room(old.identity.nid) == [ALIAS]
    assert "follow_tombstone" in run_tasks()
    assert aliases.of_room(new.identity.nid) == [ALIAS]
