"""/sync as clients see it, computed within the process."""

from typing import Any

import pytest

from matrix_app.sync.wait import Wait
from tests.factories.client import ClientFactory
from tests.factories.statements import recorded
from tests.factories.syncing import begin, bodies, sync, timeline

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_first_sync_shows_joined_rooms_with_their_timeline(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(name="Garden")
    alice.send(room_id, "hello")
    body = sync(alice)
    assert bodies(body, room_id) == ["hello"]
    assert timeline(body, room_id)[0]["type"] == "m.room.create"


def test_an_incremental_sync_shows_only_what_is_new(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    since = sync(alice)["next_batch"]
    alice.send(room_id, "one")
    body = sync(alice, since)
    assert bodies(body, room_id) == ["one"]
    assert "rooms" not in sync(alice, body["next_batch"])


def test_the_sending_device_alone_gets_its_transaction_id_back(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    starts = {client: sync(client)["next_batch"] for client in (alice, bob)}
    alice.send(room_id, "hello", txn_id="mine")
    own = timeline(sync(alice, starts[alice]), room_id)[0]
    other = timeline(sync(bob, starts[bob]), room_id)[0]
    assert own["unsigned"]["transaction_id"] == "mine"
    assert "transaction_id" not in other["unsigned"]


def test_a_timeline_with_a_gap_is_limited_and_brings_the_state_of_the_gap(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    since = sync(alice)["next_batch"]
    alice.set_state(room_id, "m.room.topic", {"topic": "in the gap"})
    for number in range(4):
        alice.send(room_id, str(number))
    body = sync(alice, since, filter='{"room":{"timeline":{"limit":2}}}')
    room = body["rooms"]["join"][room_id]
    assert room["timeline"]["limited"] is True
    assert bodies(body, room_id) == ["2", "3"]
    assert [event["content"].get("topic") for event in room["state"]["events"]] == ["in the gap"]


def test_the_state_of_a_first_sync_is_that_before_the_timeline(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(name="old")
    alice.set_state(room_id, "m.room.name", {"name": "new"})
    body = sync(alice, filter='{"room":{"timeline":{"limit":1}}}')
    room = body["rooms"]["join"][room_id]
    names = [event["content"]["name"] for event in room["state"]["events"] if event["type"] == "m.room.name"]
    assert names == ["old"]
    assert room["timeline"]["events"][0]["content"] == {"name": "new"}


@pytest.mark.parametrize("prefix", ["", "org.matrix.msc4222."])
def test_state_after_is_that_at_the_end_of_the_timeline(clients: ClientFactory, prefix: str) -> None:
    alice = clients.make()
    room_id = alice.create_room(name="old")
    alice.set_state(room_id, "m.room.name", {"name": "new"})
    asked = {f"{prefix}use_state_after": "true", "filter": '{"room":{"timeline":{"limit":1}}}'}
    room = sync(alice, **asked)["rooms"]["join"][room_id]
    shown = room[f"{prefix}state_after"]["events"]
    names = [event["content"]["name"] for event in shown if event["type"] == "m.room.name"]
    assert names == ["new"]
    assert "state" not in room


def test_an_invite_comes_with_stripped_state_and_goes_when_it_is_accepted(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    since = sync(bob)["next_batch"]
    room_id = alice.create_room(name="Garden", invite=[bob.user_id])
    body = sync(bob, since)
    stripped = body["rooms"]["invite"][room_id]["invite_state"]["events"]
    assert {"m.room.name", "m.room.create", "m.room.member"} <= {event["type"] for event in stripped}
    bob.change(room_id, "join")
    body = sync(bob, body["next_batch"])
    assert room_id in body["rooms"]["join"]
    assert "invite" not in body["rooms"]


def test_a_room_that_was_left_is_shown_once_up_to_the_leaving(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    since = sync(bob)["next_batch"]
    alice.send(room_id, "before")
    bob.change(room_id, "leave")
    alice.send(room_id, "after")
    body = sync(bob, since)
    shown = body["rooms"]["leave"][room_id]["timeline"]["events"]
    assert [event["content"].get("body") or event["content"]["membership"] for event in shown] == [
        "before",
        "leave",
    ]
    assert "rooms" not in sync(bob, body["next_batch"])


def test_who_left_a_room_and_forgot_it_is_told_of_the_leaving_alone(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    since = sync(bob)["next_batch"]
    bob.change(room_id, "leave")
    bob.change(room_id, "forget")
    body = sync(bob, since)
    assert list(body["rooms"]["leave"]) == [room_id]
    include_leave = '{"room":{"include_leave":true}}'
    assert "rooms" not in sync(bob, filter=include_leave)
    alice.change(room_id, "ban", user_id=bob.user_id)
    assert "rooms" not in sync(bob, body["next_batch"])


def test_history_from_before_an_invitation_stays_hidden(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    visibility = {"type": "m.room.history_visibility", "content": {"history_visibility": "invited"}}
    room_id = alice.create_room(preset="private_chat", initial_state=[visibility])
    alice.send(room_id, "secret")
    since = sync(bob)["next_batch"]
    alice.change(room_id, "invite", user_id=bob.user_id)
    bob.change(room_id, "join")
    assert "secret" not in bodies(sync(bob, since), room_id)


def test_a_room_that_loses_its_name_is_called_by_its_heroes(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat", name="Garden")
    bob.change(room_id, "join")
    body = sync(alice)
    assert "m.heroes" not in body["rooms"]["join"][room_id]["summary"]
    alice.set_state(room_id, "m.room.name", {"name": ""})
    body = sync(alice, body["next_batch"])
    assert body["rooms"]["join"][room_id]["summary"]["m.heroes"] == [bob.user_id]


def test_who_is_alone_in_a_room_without_a_name_is_told_that_it_has_no_heroes(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    assert sync(alice)["rooms"]["join"][room_id]["summary"]["m.heroes"] == []


def test_the_state_after_an_invite_that_was_turned_down_says_so(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(invite=[bob.user_id])
    since = sync(bob)["next_batch"]
    bob.change(room_id, "leave")
    told = sync(bob, since, use_state_after="true")["rooms"]["leave"][room_id]
    assert [event["content"]["membership"] for event in told["state_after"]["events"]] == ["leave"]
    assert sync(bob, since)["rooms"]["leave"][room_id]["state"]["events"] == []


def test_unread_counts_rise_with_messages_and_fall_with_own_ones(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    since = sync(bob)["next_batch"]
    alice.send(room_id, "one")
    alice.send(room_id, "two")
    body = sync(bob, since)
    assert body["rooms"]["join"][room_id]["unread_notifications"]["notification_count"] == 2
    bob.send(room_id, "read")
    body = sync(bob, body["next_batch"])
    assert body["rooms"]["join"][room_id]["unread_notifications"]["notification_count"] == 0


def test_a_mention_is_highlighted(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    since = sync(bob)["next_batch"]
    content = {"msgtype": "m.text", "body": "you", "m.mentions": {"user_ids": [bob.user_id]}}
    alice.put(f"/rooms/{room_id}/send/m.room.message/1", content)
    counts = sync(bob, since)["rooms"]["join"][room_id]["unread_notifications"]
    assert counts == {"notification_count": 1, "highlight_count": 1}


def test_a_sync_with_nothing_new_waits_and_asks_the_database_only_who_it_is(clients: ClientFactory) -> None:
    alice = clients.make()
    alice.create_room()
    since = sync(alice)["next_batch"]
    sync(alice, since)
    with recorded() as statements:
        outcome = begin(alice, since=since, timeout=1000)
    assert isinstance(outcome, Wait)
    assert outcome.is_idle()
    # The authentication, and the look at the log that this test's `begin` takes first.
    assert len(statements) <= 2, [sql for sql, _ in statements]


def test_a_waiting_sync_ends_its_idleness_when_something_happens_in_its_rooms(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    outcome = begin(bob, since=sync(bob)["next_batch"], timeout=1000)
    assert outcome.is_idle()
    alice.send(room_id)
    begin(alice)
    assert not outcome.is_idle()


def test_a_waiting_sync_of_another_room_stays_idle(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room()
    outcome = begin(bob, since=sync(bob)["next_batch"], timeout=1000)
    alice.send(room_id)
    begin(alice)
    assert outcome.is_idle()


def test_an_incremental_sync_of_one_message_costs_few_statements_all_by_index(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    for _ in range(5):
        room_id = alice.create_room(preset="public_chat")
        bob.change(room_id, "join")
    since = sync(bob)["next_batch"]
    alice.send(room_id)
    with recorded() as statements:
        sync(bob, since)
    assert len(statements) <= 10, [sql for sql, _ in statements]
    assert statements.scans() == []


def test_a_first_sync_costs_a_bounded_number_of_statements_per_room_all_by_index(
    clients: ClientFactory,
) -> None:
    alice = clients.make()
    counts = []
    for rooms in (2, 6):
        for _ in range(rooms):
            alice.create_room(name="room")
        with recorded() as statements:
            sync(alice)
        counts.append(len(statements))
    assert statements.scans() == []
    per_room = (counts[1] - counts[0]) / 6
    assert per_room <= 3


def test_ignored_users_do_not_speak(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    ignored: dict[str, Any] = {"ignored_users": {alice.user_id: {}}}
    assert bob.put(f"/user/{bob.user_id}/account_data/m.ignored_user_list", ignored).status == 200
    since = sync(bob)["next_batch"]
    alice.send(room_id, "psst")
    body = sync(bob, since)
    assert "psst" not in (bodies(body, room_id) if "rooms" in body else [])


def test_who_asks_for_the_whole_state_is_told_of_the_rooms_left_since_and_of_no_others(
    clients: ClientFactory,
) -> None:
    alice, bob = clients.many(2)
    before, since_then = (alice.create_room(preset="public_chat", name=name) for name in ("Old", "New"))
    for room_id in (before, since_then):
        bob.change(room_id, "join")
    bob.change(before, "leave")
    since = sync(bob)["next_batch"]
    alice.send(since_then, "bye")
    alice.change(since_then, "kick", user_id=bob.user_id)
    body = sync(bob, since, full_state="true")
    assert list(body["rooms"]["leave"]) == [since_then]
    room = body["rooms"]["leave"][since_then]
    assert [event["type"] for event in room["timeline"]["events"]] == ["m.room.message", "m.room.member"]
    assert "m.room.name" in {event["type"] for event in room["state"]["events"]}
    wanted = '{"room":{"include_leave":true}}'
    every = sync(bob, since, full_state="true", filter=wanted)["rooms"]["leave"]
    assert set(every) == {before, since_then}
    assert every[before]["timeline"]["events"] == []
