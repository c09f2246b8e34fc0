"""Counting what is unread."""

from __future__ import annotations

from matrix_app.storage import rooms, unread_counts
from tests.factories.client import ClientFactory
from tests.factories.statements import recorded


def test_counting_costs_the_same_for_one_room_as_for_many_and_finds_all_by_index(
    clients: ClientFactory,
) -> None:
    alice, bob = clients.many(2)
    nids = []
    for _ in range(4):
        room_id = alice.create_room(preset="public_chat")
        bob.change(room_id, "join")
        root = alice.send(room_id).body["event_id"]
        relation = {"rel_type": "m.thread", "event_id": root}
        content = {"msgtype": "m.text", "body": "x", "m.relates_to": relation}
        alice.put(f"/rooms/{room_id}/send/m.room.message/t", content)
        bob.put(f"/pushrules/global/room/{room_id}", {"actions": ["notify"]})
        room = rooms.find(room_id)
        assert room is not None
        nids.append(room.nid)
    with recorded() as one:
        unread_counts.counts(bob.requester.user_nid, nids[:1])
    with recorded() as many:
        found = unread_counts.counts(bob.requester.user_nid, nids)
    assert len(one) == len(many) <= 5
    assert many.scans() == []
    assert {counts.notification for counts in found.values()} == {1}
    assert all(counts.total_notification == 2 for counts in found.values())


def test_nothing_is_counted_for_no_rooms_or_without_a_mark(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room = rooms.find(alice.create_room())
    assert room is not None
    alice.send(room.room_id)
    assert unread_counts.counts(bob.requester.user_nid, []) == {}
    assert unread_counts.counts(bob.requester.user_nid, [room.nid]) == {room.nid: unread_counts.RoomCounts()}
