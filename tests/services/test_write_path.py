"""What storing an event costs in statements, and that each of them finds its rows by an index."""

import pytest

from matrix_app.services.room_writer import RoomWriter, write_room
from tests.factories.client import ClientFactory
from tests.factories.rooms import StoredRoom
from tests.factories.statements import recorded

pytestmark = pytest.mark.django_db(transaction=True)


def _members(clients: ClientFactory, count: int) -> StoredRoom:
    owner = clients.make()
    room = StoredRoom.existing(owner.create_room(preset="public_chat"))
    room.creator = owner.user_id
    for _ in range(count):
        assert clients.make().change(room.room_id, "join").status == 200
    return room


@pytest.mark.parametrize("members", [1, 30])
def test_a_message_costs_the_same_few_statements_however_many_are_in_the_room(
    clients: ClientFactory, members: int
) -> None:
    room = _members(clients, members)
    room.message(room.creator)
    with recorded() as statements:
        write_room(room.identity, lambda writer: _say(writer, room.creator))
    assert len(statements) <= 13, [sql for sql, _ in statements]


def _say(writer: RoomWriter, sender: str) -> None:
    writer.add(sender=sender, type="m.room.message", content={"msgtype": "m.text", "body": "hello"})


def test_every_statement_of_a_message_uses_an_index(clients: ClientFactory) -> None:
    room = _members(clients, 3)
    with recorded() as statements:
        room.message(room.creator)
    assert statements.scans() == []


def test_every_statement_of_a_state_change_uses_an_index(clients: ClientFactory) -> None:
    room = _members(clients, 3)
    with recorded() as statements:
        room.state("m.room.topic", {"topic": "weather"})
    assert statements.scans() == []


def test_every_statement_of_a_join_and_a_redaction_uses_an_index(clients: ClientFactory) -> None:
    room = _members(clients, 3)
    row = room.message(room.creator)
    guest = clients.make()
    with recorded() as statements:
        assert guest.change(room.room_id, "join").status == 200
        room.send("m.room.redaction", room.creator, {}, redacts=row.event_id)
    assert statements.scans() == []


def test_a_message_that_the_rules_refuse_leaves_nothing_behind(clients: ClientFactory) -> None:
    room = _members(clients, 1)
    before = room.row(room.message(room.creator).event_id).position
    stranger = clients.make()
    assert stranger.send(room.room_id).status == 403
    after = room.message(room.creator)
    assert after.position is not None
    assert before is not None
    assert after.position == before + 1
