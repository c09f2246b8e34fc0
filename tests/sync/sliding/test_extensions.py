"""The extensions of sliding sync."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories.client import Client, ClientFactory
from tests.factories.sliding import Follower, room_list

pytestmark = pytest.mark.django_db(transaction=True)

ON: dict[str, Any] = {"enabled": True}


def _send_to_device(sender: Client, receiver: Client, body: str) -> None:
    messages = {receiver.user_id: {"*": {"body": body}}}
    assert sender.put(f"/sendToDevice/m.test/{body}", {"messages": messages}).status == 200


def _bodies(answer: dict[str, Any]) -> list[str]:
    return [event["content"]["body"] for event in answer["extensions"]["to_device"].get("events", ())]


def test_messages_to_the_device_come_until_they_are_acknowledged(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    follower = Follower(bob, extensions={"to_device": ON})
    assert "events" not in follower.sync()["extensions"]["to_device"]
    _send_to_device(alice, bob, "one")
    answer = follower.sync()
    assert _bodies(answer) == ["one"]
    assert _bodies(follower.sync()) == ["one"]
    since = answer["extensions"]["to_device"]["next_batch"]
    assert _bodies(follower.sync(extensions={"to_device": {**ON, "since": since}})) == []
    _send_to_device(alice, bob, "two")
    assert _bodies(follower.sync()) == ["two"]


def test_many_messages_come_in_parts(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    for number in range(3):
        _send_to_device(alice, bob, str(number))
    follower = Follower(bob, extensions={"to_device": {**ON, "limit": 2}})
    answer = follower.sync()
    assert _bodies(answer) == ["0", "1"]
    since = answer["extensions"]["to_device"]["next_batch"]
    answer = follower.sync(extensions={"to_device": {**ON, "limit": 2, "since": since}})
    assert _bodies(answer) == ["2"]


def test_every_answer_counts_the_keys_of_the_device(clients: ClientFactory) -> None:
    alice = clients.make()
    follower = Follower(alice, extensions={"e2ee": ON})
    for _ in range(2):
        section = follower.sync()["extensions"]["e2ee"]
        assert section["device_one_time_keys_count"] == {"signed_curve25519": 0}
        assert section["device_unused_fallback_key_types"] == []


def test_devices_of_those_who_share_a_room_are_told_of(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    follower = Follower(alice, extensions={"e2ee": ON})
    follower.sync()
    bob.change(room_id, "join")
    assert follower.sync()["extensions"]["e2ee"]["device_lists"] == {"changed": [bob.user_id], "left": []}
    bob.change(room_id, "leave")
    assert follower.sync()["extensions"]["e2ee"]["device_lists"] == {"changed": [], "left": [bob.user_id]}


def _types(events: list[dict[str, Any]]) -> set[str]:
    return {event["type"] for event in events}


def test_account_data_comes_whole_at_first_and_then_as_it_changes(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    alice.put(f"/user/{alice.user_id}/account_data/m.test", {"a": 1})
    alice.put(f"/user/{alice.user_id}/rooms/{room_id}/tags/u.work", {})
    follower = Follower(alice, lists={"all": room_list()}, extensions={"account_data": ON})
    section = follower.sync()["extensions"]["account_data"]
    assert {"m.test", "m.push_rules"} <= _types(section["global"])
    assert _types(section["rooms"][room_id]) == {"m.tag"}
    assert "account_data" not in follower.sync()["extensions"]
    alice.put(f"/user/{alice.user_id}/rooms/{room_id}/account_data/m.more", {})
    section = follower.sync()["extensions"]["account_data"]
    assert {name: _types(events) for name, events in section["rooms"].items()} == {room_id: {"m.more"}}
    assert "global" not in section


def test_account_data_of_rooms_is_only_told_of_the_lists_that_are_named(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    alice.put(f"/user/{alice.user_id}/rooms/{room_id}/account_data/m.test", {})
    extension = {**ON, "lists": ["other"]}
    follower = Follower(alice, lists={"all": room_list()}, extensions={"account_data": extension})
    assert "rooms" not in follower.sync()["extensions"]["account_data"]
    answer = follower.sync(extensions={"account_data": ON})
    assert _types(answer["extensions"]["account_data"]["rooms"][room_id]) == {"m.test"}


def test_receipts_on_shown_events_come_first_and_then_each_new_one(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    old, new = (alice.send(room_id, text).body["event_id"] for text in ("old", "new"))
    bob.post(f"/rooms/{room_id}/receipt/m.read/{old}")
    follower = Follower(alice, lists={"all": room_list()}, extensions={"receipts": ON})
    # Nobody has read the only event that is shown.
    assert "receipts" not in follower.sync()["extensions"]
    bob.post(f"/rooms/{room_id}/receipt/m.read/{new}")
    content = follower.sync()["extensions"]["receipts"]["rooms"][room_id]["content"]
    assert set(content[new]["m.read"]) == {bob.user_id}
    again = Follower(alice, "again", lists={"all": room_list()}, extensions={"receipts": ON})
    content = again.sync()["extensions"]["receipts"]["rooms"][room_id]["content"]
    assert set(content) == {new}


def test_a_receipt_that_nobody_was_told_of_comes_with_its_room(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    quiet, busy = (alice.create_room(preset="public_chat") for _ in range(2))
    bob.change(quiet, "join")
    event_id = alice.send(quiet, "hello").body["event_id"]
    alice.send(busy, "hello")
    follower = Follower(alice, lists={"all": room_list()}, extensions={"receipts": ON})
    follower.sync()
    follower.sync(lists={"all": room_list(end=0)})
    bob.post(f"/rooms/{quiet}/receipt/m.read/{event_id}")
    assert "receipts" not in follower.sync()["extensions"]
    answer = follower.sync(lists={"all": room_list()})
    assert set(answer["extensions"]["receipts"]["rooms"]) == {quiet}


def test_who_types_is_told_while_they_do(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    follower = Follower(alice, lists={"all": room_list()}, extensions={"typing": ON})
    assert "typing" not in follower.sync()["extensions"]
    for typing, expected in ((True, [bob.user_id]), (False, [])):
        bob.put(f"/rooms/{room_id}/typing/{bob.user_id}", {"typing": typing, "timeout": 30000})
        section = follower.sync()["extensions"]["typing"]["rooms"][room_id]
        assert section == {"type": "m.typing", "content": {"user_ids": expected}}
    assert "typing" not in follower.sync()["extensions"]
