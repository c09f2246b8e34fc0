"""Single events, and what is around them."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from tests.factories.client import ClientFactory


def test_an_event_is_read_by_its_id(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    event_id = alice.send(room_id, "hi", "txn").body["event_id"]
    for path in (f"/rooms/{quote(room_id)}/event/{event_id}", f"/events/{event_id}"):
        event = alice.get(path).body
        assert event["content"]["body"] == "hi"
        assert event["unsigned"]["transaction_id"] == "txn"


def test_only_the_device_that_sent_it_reads_the_transaction_id(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    event_id = alice.send(room_id).body["event_id"]
    assert "transaction_id" not in bob.get(f"/events/{event_id}").body["unsigned"]


def test_an_event_is_hidden_from_those_who_may_not_see_it(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id, other = alice.create_room(), alice.create_room()
    event_id = alice.send(room_id).body["event_id"]
    for client, room in ((bob, room_id), (alice, other), (alice, "!nowhere:hearth.example")):
        assert client.get(f"/rooms/{quote(room)}/event/{event_id}").errcode == "M_NOT_FOUND"
    assert alice.get(f"/rooms/{quote(room_id)}/event/$nothing").errcode == "M_NOT_FOUND"


def test_who_forgot_a_room_reads_its_events_only_where_everybody_may(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    everybody = {"type": "m.room.history_visibility", "content": {"history_visibility": "world_readable"}}
    found = []
    for initial_state in ([], [everybody]):
        room_id = alice.create_room(preset="public_chat", initial_state=initial_state)
        bob.change(room_id, "join")
        event_id = alice.send(room_id).body["event_id"]
        bob.change(room_id, "leave")
        bob.change(room_id, "forget")
        found.append(bob.get(f"/rooms/{quote(room_id)}/event/{event_id}").status)
    assert found == [404, 200]


@pytest.mark.parametrize(
    ("limit", "before", "after"), [(0, "", ""), (1, "", "4"), (4, "21", "45"), (5, "21", "456")]
)
def test_the_context_is_split_around_the_event(
    clients: ClientFactory, limit: int, before: str, after: str
) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    sent = [alice.send(room_id, str(number)).body["event_id"] for number in range(8)]
    body = alice.get(f"/rooms/{quote(room_id)}/context/{sent[3]}?limit={limit}").body
    assert body["event"]["event_id"] == sent[3]
    assert "".join(event["content"]["body"] for event in body["events_before"]) == before
    assert "".join(event["content"]["body"] for event in body["events_after"]) == after
    older = alice.get(f"/rooms/{quote(room_id)}/messages?dir=b&limit=1&from={body['start']}").body["chunk"]
    newer = alice.get(f"/rooms/{quote(room_id)}/messages?dir=f&limit=1&from={body['end']}").body["chunk"]
    assert older[0]["event_id"] == sent[2 - len(before)]
    assert newer[0]["event_id"] == sent[4 + len(after)]


def test_the_context_has_the_state_of_its_last_event(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(topic="old")
    event_id = alice.send(room_id).body["event_id"]
    alice.set_state(room_id, "m.room.topic", {"topic": "then"})
    for _ in range(5):
        alice.send(room_id)
    alice.set_state(room_id, "m.room.topic", {"topic": "now"})
    body = alice.get(f"/rooms/{quote(room_id)}/context/{event_id}?limit=4").body
    assert [e["content"] for e in body["state"] if e["type"] == "m.room.topic"] == [{"topic": "then"}]


def test_the_context_brings_only_the_members_that_it_needs(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    event_id = alice.send(room_id).body["event_id"]
    query = "filter=" + quote('{"lazy_load_members": true}')
    body = alice.get(f"/rooms/{quote(room_id)}/context/{event_id}?limit=0&{query}").body
    assert [e["state_key"] for e in body["state"] if e["type"] == "m.room.member"] == [alice.user_id]
    assert any(event["type"] == "m.room.create" for event in body["state"])


def test_strangers_get_no_context(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    event_id = alice.send(room_id).body["event_id"]
    assert bob.get(f"/rooms/{quote(room_id)}/context/{event_id}").errcode == "M_FORBIDDEN"
    assert alice.get(f"/rooms/{quote(room_id)}/context/$nothing").errcode == "M_NOT_FOUND"
