"""The names of a room's local members are read when its state has changed, and no more than have changed."""

from __future__ import annotations

import pytest

from matrix_app.services.named_members import names_in
from matrix_app.storage import db, rooms
from tests.factories.client import Client, ClientFactory
from tests.factories.statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)


class Room:
    """A room with Alice and Bob."""

    def __init__(self, clients: ClientFactory) -> None:
        self.alice, self.bob = clients.make("alice"), clients.make("bob")
        self.room_id = self.alice.create_room(preset="public_chat")
        assert self.bob.change(self.room_id, "join").status == 200
        found = rooms.find(self.room_id)
        assert found is not None
        self.nid = found.nid

    def rename(self, client: Client, name: str) -> None:
        """The user is called so in the room."""
        content = {"membership": "join", "displayname": name}
        assert client.set_state(self.room_id, "m.room.member", content, client.user_id).status == 200

    def named(self, text: str) -> set[str]:
        """The members whom a text names."""
        state_nid = rooms.state_nid(self.nid)
        assert state_nid is not None
        names = names_in(self.nid, state_nid)
        assert names is not None
        found = names.named_in(text)
        return {*found.by_name, *found.by_user_name}


@pytest.fixture
def room(clients: ClientFactory) -> Room:
    return Room(clients)


def test_names_are_read_once_for_a_state(room: Room) -> None:
    assert room.named("bob") == {room.bob.user_id}
    room.alice.send(room.room_id)
    with recorded() as found:
        assert room.named("alice") == {room.alice.user_id}
    assert [sql for sql, _ in found] == ["SELECT state_nid FROM room WHERE nid = %s"]


def test_after_a_change_the_events_of_those_who_changed_are_read(room: Room) -> None:
    assert room.named("bob") == {room.bob.user_id}
    room.rename(room.bob, "Robert")
    with recorded() as found:
        assert room.named("robert") == {room.bob.user_id}
    read = [params for sql, params in found if "json FROM event" in sql]
    event = db.value("SELECT event_nid FROM membership WHERE user_nid = %s", (room.bob.requester.user_nid,))
    assert [str(params[0]) for params in read] == [f"[{event}]"]
    assert not found.scans()
    room.rename(room.bob, "")
    assert room.named("robert") == set()


def test_another_change_of_the_state_reads_no_events(room: Room) -> None:
    assert room.named("bob") == {room.bob.user_id}
    room.alice.set_state(room.room_id, "m.room.topic", {"topic": "x"})
    with recorded() as found:
        assert room.named("bob") == {room.bob.user_id}
    assert not any("json FROM event" in sql for sql, _ in found)


def test_who_leaves_is_no_longer_named_and_who_comes_is(room: Room, clients: ClientFactory) -> None:
    assert room.named("bob, carol") == {room.bob.user_id}
    assert room.bob.change(room.room_id, "leave").status == 200
    carol = clients.make("carol")
    assert carol.change(room.room_id, "join").status == 200
    assert room.named("bob, carol") == {carol.user_id}


def test_what_is_read_in_a_transaction_that_fails_is_not_kept(room: Room) -> None:
    def fail() -> None:
        with db.write():
            nid = room.bob.requester.user_nid
            db.execute("UPDATE membership SET membership = 0 WHERE user_nid = %s", (nid,))
            db.execute("UPDATE room SET state_nid = state_nid + 1000 WHERE nid = %s", (room.nid,))
            assert room.named("bob") == set()
            raise ZeroDivisionError

    assert room.named("bob") == {room.bob.user_id}
    with pytest.raises(ZeroDivisionError):
        fail()
    assert room.named("bob") == {room.bob.user_id}
