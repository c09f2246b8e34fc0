"""Syncs of clients that remember what a restore has undone."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.protocol.errors import InvalidParam, UnknownPos
from tests.factories.client import Client, ClientFactory
from tests.factories.encryption import Device
from tests.factories.restoring import restored_server
from tests.factories.sliding import STATE, Follower, begin_sliding, room_list, sliding
from tests.factories.syncing import begin, follow, sync, timeline

pytestmark = pytest.mark.django_db(transaction=True)

LAZY = '{"room": {"state": {"lazy_load_members": true}}}'
ENCRYPTED = {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}


def room_of(*people: Client, **more: Any) -> str:
    """A room that the first has made and the others have joined."""
    room_id = people[0].create_room(preset="public_chat", name="Parlour", **more)
    for one in people[1:]:
        assert one.change(room_id, "join").status == 200
    return room_id


def members_told(room: dict[str, Any]) -> set[str]:
    return {event["state_key"] for event in room["state"]["events"] if event["type"] == "m.room.member"}


def test_the_whole_state_of_rooms_is_told_and_no_event_of_theirs_again(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = room_of(alice, bob)
    alice.send(room_id, "before")
    lost = restored_server()
    told = sync(alice, lost)["rooms"]["join"][room_id]
    kept = {event["type"]: event["content"] for event in told["state"]["events"]}
    assert kept["m.room.name"] == {"name": "Parlour"}
    assert members_told(told) == {alice.user_id, bob.user_id}
    assert (told["timeline"]["events"], told["timeline"]["limited"]) == ([], False)
    assert told["summary"]["m.joined_member_count"] == 2


def test_what_is_said_since_is_told_at_once_and_after_that_only_news(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = room_of(alice, bob)
    lost = restored_server()
    bob.send(room_id, "after")
    first = sync(alice, lost)
    assert [event["content"]["body"] for event in timeline(first, room_id)] == ["after"]
    assert "rooms" not in sync(alice, first["next_batch"])


def test_it_does_not_wait(clients: ClientFactory) -> None:
    alice = clients.make()
    lost = restored_server()
    assert isinstance(follow(begin(alice, since=lost, timeout=30_000), timed_out=False), bytes)


def test_of_encrypted_rooms_every_member_is_told_also_to_who_asks_only_for_some(
    clients: ClientFactory,
) -> None:
    alice, bob = clients.many(2)
    plain, encrypted = room_of(alice, bob), room_of(alice, bob, initial_state=[ENCRYPTED])
    lost = restored_server()
    told = sync(alice, lost, filter=LAZY)["rooms"]["join"]
    assert members_told(told[encrypted]) == {alice.user_id, bob.user_id}
    assert bob.user_id not in members_told(told[plain])


def test_invites_and_rooms_that_the_user_is_not_in_are_told(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    left, invited = room_of(alice, bob), alice.create_room()
    bob.change(left, "leave")
    alice.change(invited, "invite", user_id=bob.user_id)
    rooms = sync(bob, restored_server())["rooms"]
    assert list(rooms["invite"]) == [invited]
    [leaving] = rooms["leave"][left]["timeline"]["events"]
    assert leaving["content"] == {"membership": "leave"}
    assert leaving["state_key"] == bob.user_id


def test_devices_of_everybody_in_encrypted_rooms_are_to_be_looked_at(clients: ClientFactory) -> None:
    alice, bob, carol, dave = clients.many(4)
    room_of(alice, bob, initial_state=[ENCRYPTED])
    room_of(alice, carol)
    Device(dave).upload()
    since = sync(alice)["next_batch"]
    lost = restored_server()
    changed = set(sync(alice, lost)["device_lists"]["changed"])
    assert {alice.user_id, bob.user_id} <= changed
    assert dave.user_id not in changed
    path = f"/keys/changes?from={lost}&to={since}"
    assert {alice.user_id, bob.user_id} <= set(alice.get(path).body["changed"])


def test_account_data_and_push_rules_are_told_as_they_are(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = room_of(alice)
    alice.put(f"/user/{alice.user_id}/account_data/m.test", {"a": 1})
    alice.put(f"/user/{alice.user_id}/rooms/{room_id}/account_data/m.test", {"b": 2})
    told = sync(alice, restored_server())
    found = {entry["type"]: entry["content"] for entry in told["account_data"]["events"]}
    assert found["m.test"] == {"a": 1}
    assert "global" in found["m.push_rules"]
    assert told["rooms"]["join"][room_id]["account_data"]["events"] == [
        {"type": "m.test", "content": {"b": 2}}
    ]


def test_messages_to_the_device_that_it_got_in_lost_time_do_not_come_again(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    alice.put("/sendToDevice/m.test/1", {"messages": {bob.user_id: {"*": {"body": "once"}}}})
    lost = restored_server()
    assert "to_device" not in sync(bob, lost)
    assert "to_device" not in sync(bob)


def test_a_filter_that_is_lost_lets_everything_through_and_its_number_is_not_used_again(
    clients: ClientFactory,
) -> None:
    alice = clients.make()
    path = f"/user/{alice.user_id}/filter"
    kept = alice.post(path, {"room": {"timeline": {"limit": 3}}}).body["filter_id"]
    restored_server()
    number = str(int(kept) + 1)
    sync(alice, filter=number)
    new = alice.post(path, {"room": {"timeline": {"limit": 4}}}).body["filter_id"]
    another = alice.post(path, {"room": {"timeline": {"limit": 5}}}).body["filter_id"]
    assert len({kept, number, new, another}) == 4
    assert alice.get(f"{path}/{number}").errcode == "M_NOT_FOUND"
    assert begin_refused(alice, filter=str(int(another) + 1))


def begin_refused(client: Client, **query: Any) -> bool:
    """Whether a sync is refused for a wrong parameter."""
    with pytest.raises(InvalidParam):
        begin(client, **query)
    return True


def test_a_sliding_sync_begins_anew_with_every_member_of_encrypted_rooms(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    plain, encrypted = room_of(alice, bob), room_of(alice, bob, initial_state=[ENCRYPTED])
    for room_id in (plain, encrypted):
        alice.send(room_id)
    lists = {"all": room_list(state=STATE, limit=1)}
    Follower(alice, lists=lists).sync()
    lost = restored_server()
    with pytest.raises(UnknownPos):
        begin_sliding(alice, f"{lost}_1_1", lists=lists)
    extensions = {"to_device": {"enabled": True, "since": lost}}
    told = sliding(alice, lists=lists, extensions=extensions)["rooms"]
    shown = {
        room_id: {e["state_key"] for e in told[room_id]["required_state"] if e["type"] == "m.room.member"}
        for room_id in (plain, encrypted)
    }
    assert bob.user_id in shown[encrypted]
    assert bob.user_id not in shown[plain]
