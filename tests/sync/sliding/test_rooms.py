"""The rooms in answers of sliding sync: what is told of them, and when."""

from __future__ import annotations

import pytest

from tests.factories.client import ClientFactory
from tests.factories.fake_peers import SignedRoom
from tests.factories.remote_rooms import JoinedRoom
from tests.factories.sliding import Follower, room_list, sliding, texts, types

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_first_sync_shows_the_latest_rooms_and_counts_all(clients: ClientFactory) -> None:
    alice = clients.make()
    rooms = [alice.create_room(name=str(number)) for number in range(4)]
    alice.send(rooms[1], "hello")
    answer = sliding(alice, lists={"all": room_list(end=1)})
    assert answer["lists"] == {"all": {"count": 4}}
    assert set(answer["rooms"]) == {rooms[1], rooms[3]}
    room = answer["rooms"][rooms[1]]
    assert room["initial"] is True
    assert room["membership"] == "join"
    assert room["name"] == "1"
    assert texts(room) == ["hello"]
    assert room["limited"] is True
    assert room["num_live"] == 0
    assert (room["joined_count"], room["invited_count"]) == (1, 0)
    assert types(room["required_state"]) == ["m.room.create", "m.room.member", "m.room.name"]


def test_a_first_timeline_is_limited_when_other_servers_have_what_came_before(clients: ClientFactory) -> None:
    alice = clients.make()
    own = alice.create_room(preset="public_chat")
    theirs = SignedRoom.opened("12")
    JoinedRoom(theirs, alice.user_id)
    shown = sliding(alice, lists={"all": room_list(limit=50)})["rooms"]
    assert types(shown[own]["timeline"])[0] == "m.room.create"
    assert shown[own]["limited"] is False
    assert types(shown[str(theirs.room_id)]["timeline"]) == ["m.room.member"]
    assert shown[str(theirs.room_id)]["limited"] is True


def test_an_incremental_sync_shows_only_what_is_new(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id, other = alice.create_room(name="Garden"), alice.create_room()
    follower = Follower(alice, lists={"all": room_list()})
    assert set(follower.sync()["rooms"]) == {room_id, other}
    assert follower.sync()["rooms"] == {}
    alice.send(room_id, "one")
    answer = follower.sync()
    assert set(answer["rooms"]) == {room_id}
    room = answer["rooms"][room_id]
    assert texts(room) == ["one"]
    assert room["num_live"] == 1
    assert {"initial", "name", "required_state", "joined_count"}.isdisjoint(room)
    assert follower.sync()["rooms"] == {}


def test_state_that_is_asked_for_is_told_when_it_changes(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(name="old")
    follower = Follower(alice, lists={"all": room_list()})
    follower.sync()
    alice.set_state(room_id, "m.room.name", {"name": "new"})
    alice.set_state(room_id, "m.room.history_visibility", {"history_visibility": "joined"})
    room = follower.sync()["rooms"][room_id]
    assert room["name"] == "new"
    assert types(room["required_state"]) == ["m.room.name"]
    assert room["limited"] is True


def test_a_room_that_comes_into_the_window_is_told_from_the_beginning(clients: ClientFactory) -> None:
    alice = clients.make()
    first, second = alice.create_room(), alice.create_room()
    follower = Follower(alice, lists={"all": room_list(end=0)})
    assert set(follower.sync()["rooms"]) == {second}
    alice.send(first, "up")
    answer = follower.sync()
    assert set(answer["rooms"]) == {first}
    assert answer["rooms"][first]["initial"] is True
    assert answer["rooms"][first]["num_live"] == 1


def test_what_happened_outside_of_the_window_is_told_when_the_room_comes_back(clients: ClientFactory) -> None:
    alice = clients.make()
    rooms = [alice.create_room() for _ in range(3)]
    follower = Follower(alice, lists={"all": room_list(end=2, limit=5)})
    follower.sync()
    follower.sync(lists={"all": room_list(end=0, limit=5)})
    alice.send(rooms[0], "unseen")
    alice.send(rooms[1], "seen")
    assert set(follower.sync()["rooms"]) == {rooms[1]}
    assert follower.sync()["rooms"] == {}
    answer = follower.sync(lists={"all": room_list(end=2, limit=5)})
    assert set(answer["rooms"]) == {rooms[0]}
    assert texts(answer["rooms"][rooms[0]]) == ["unseen"]
    assert "initial" not in answer["rooms"][rooms[0]]


def test_a_larger_timeline_limit_brings_the_latest_events_once_more(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    for number in range(5):
        alice.send(room_id, str(number))
    follower = Follower(alice, lists={"all": room_list(limit=1)})
    assert texts(follower.sync()["rooms"][room_id]) == ["4"]
    subscription = {room_id: {"timeline_limit": 3, "required_state": []}}
    room = follower.sync(room_subscriptions=subscription)["rooms"][room_id]
    assert texts(room) == ["2", "3", "4"]
    assert room["unstable_expanded_timeline"] is True
    assert room["limited"] is True
    assert room["num_live"] == 0
    assert "initial" not in room
    assert follower.sync()["rooms"] == {}
    # What the client has already is not sent again, although it asked for less in between.
    follower.sync(room_subscriptions={})
    assert follower.sync(room_subscriptions=subscription)["rooms"] == {}


def test_more_state_is_told_as_soon_as_it_is_asked_for(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(topic="flowers")
    follower = Follower(alice, lists={"all": room_list(state=[["m.room.create", ""]])})
    follower.sync()
    subscription = {room_id: {"timeline_limit": 1, "required_state": [["m.room.topic", ""]]}}
    room = follower.sync(room_subscriptions=subscription)["rooms"][room_id]
    assert types(room["required_state"]) == ["m.room.topic"]
    assert follower.sync()["rooms"] == {}


def test_state_that_changed_while_nobody_asked_is_told_when_it_is_asked_for_again(
    clients: ClientFactory,
) -> None:
    alice = clients.make()
    room_id = alice.create_room(topic="old")
    subscription = {room_id: {"timeline_limit": 1, "required_state": [["m.room.topic", ""]]}}
    follower = Follower(
        alice, lists={"all": room_list(state=[["m.room.create", ""]])}, room_subscriptions=subscription
    )
    follower.sync()
    follower.sync(room_subscriptions={})
    alice.set_state(room_id, "m.room.topic", {"topic": "new"})
    assert "required_state" not in follower.sync()["rooms"][room_id]
    room = follower.sync(room_subscriptions=subscription)["rooms"][room_id]
    assert [event["content"]["topic"] for event in room["required_state"]] == ["new"]


def test_only_members_who_appear_are_told_and_once(clients: ClientFactory) -> None:
    alice, bob, carol = clients.make(), clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    for user in (bob, carol):
        user.change(room_id, "join")
    bob.send(room_id, "hello")
    state = [["m.room.member", "$LAZY"]]
    follower = Follower(alice, lists={"all": room_list(state=state)})
    room = follower.sync()["rooms"][room_id]
    assert [event["state_key"] for event in room["required_state"]] == [bob.user_id]
    bob.send(room_id, "again")
    assert "required_state" not in follower.sync()["rooms"][room_id]
    carol.send(room_id, "me too")
    room = follower.sync()["rooms"][room_id]
    assert [event["state_key"] for event in room["required_state"]] == [carol.user_id]


def test_rooms_without_a_name_have_heroes(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(invite=[bob.user_id])
    follower = Follower(alice, lists={"all": room_list()})
    room = follower.sync()["rooms"][room_id]
    assert [hero["user_id"] for hero in room["heroes"]] == [bob.user_id]
    assert "name" not in room
    assert (room["joined_count"], room["invited_count"]) == (1, 1)
    bob.change(room_id, "join")
    room = follower.sync()["rooms"][room_id]
    assert (room["joined_count"], room["invited_count"]) == (2, 0)
    assert [hero["user_id"] for hero in room["heroes"]] == [bob.user_id]
    alice.set_state(room_id, "m.room.name", {"name": "Garden"})
    assert "heroes" not in follower.sync()["rooms"][room_id]
    alice.set_state(room_id, "m.room.name", {})
    room = follower.sync()["rooms"][room_id]
    assert [hero["user_id"] for hero in room["heroes"]] == [bob.user_id]


def test_an_invite_comes_with_stripped_state_and_then_as_a_room(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    follower = Follower(bob, lists={"all": room_list()})
    follower.sync()
    room_id = alice.create_room(name="Garden", invite=[bob.user_id])
    room = follower.sync()["rooms"][room_id]
    assert room["membership"] == "invite"
    assert "m.room.name" in types(room["invite_state"])
    assert "timeline" not in room
    assert follower.sync()["rooms"] == {}
    bob.change(room_id, "join")
    room = follower.sync()["rooms"][room_id]
    assert room["initial"] is True
    assert room["membership"] == "join"
    assert "invite_state" not in room


@pytest.mark.parametrize("membership", ["invite", "knock"])
def test_a_pending_room_that_becomes_direct_is_still_told_of_as_pending(
    clients: ClientFactory, membership: str
) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(name="Garden")
    alice.set_state(room_id, "m.room.join_rules", {"join_rule": "knock"})
    if membership == "invite":
        alice.change(room_id, "invite", user_id=bob.user_id)
    else:
        bob.post(f"/knock/{room_id}", {})
    follower = Follower(bob, lists={"all": room_list()})
    before = follower.sync()["rooms"][room_id]
    bob.put(f"/user/{bob.user_id}/account_data/m.direct", {alice.user_id: [room_id]})
    room = follower.sync()["rooms"][room_id]
    assert room["is_dm"] is True
    assert "initial" not in room
    assert room["membership"] == membership
    assert room["invite_state"] == before["invite_state"]


def test_leaving_is_told_once_and_returning_is_a_beginning(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    follower = Follower(bob, lists={"all": room_list()})
    follower.sync()
    bob.change(room_id, "leave")
    alice.send(room_id, "after")
    answer = follower.sync()
    room = answer["rooms"][room_id]
    assert room["membership"] == "leave"
    assert [event["content"]["membership"] for event in room["timeline"]] == ["leave"]
    assert [event["content"]["membership"] for event in room["required_state"]] == ["leave"]
    assert follower.sync() == {**answer, "rooms": {}, "lists": {"all": {"count": 0}}}
    bob.change(room_id, "join")
    assert follower.sync()["rooms"][room_id]["initial"] is True


def test_who_was_removed_finds_the_room_as_it_was_then(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat", name="then")
    bob.change(room_id, "join")
    alice.change(room_id, "kick", user_id=bob.user_id)
    alice.set_state(room_id, "m.room.name", {"name": "now"})
    alice.send(room_id, "after")
    room = sliding(bob, lists={"all": room_list(limit=5)})["rooms"][room_id]
    assert room["membership"] == "leave"
    assert room["name"] == "then"
    assert texts(room) == []
    assert room["timeline"][-1]["content"]["membership"] == "leave"
    names = [event for event in room["required_state"] if event["type"] == "m.room.name"]
    assert [event["content"]["name"] for event in names] == ["then"]


def test_who_left_and_was_banned_later_finds_the_room_as_it_was_when_they_left(
    clients: ClientFactory,
) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat", name="then")
    bob.change(room_id, "join")
    bob.change(room_id, "leave")
    alice.set_state(room_id, "m.room.name", {"name": "now"})
    alice.change(room_id, "ban", user_id=bob.user_id)
    room = sliding(bob, lists={"all": room_list(limit=5)})["rooms"][room_id]
    assert (room["membership"], room["name"]) == ("ban", "then")
    assert [event["content"]["membership"] for event in room["timeline"][-2:]] == ["leave", "ban"]
    told = [*room["timeline"], *room["required_state"]]
    assert {event["content"]["name"] for event in told if event["type"] == "m.room.name"} == {"then"}


def test_rooms_that_somebody_else_sees_cannot_be_subscribed_to(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    subscription = {room_id: {"timeline_limit": 5, "required_state": [["*", "*"]]}}
    assert sliding(bob, room_subscriptions=subscription)["rooms"] == {}


def test_reading_on_another_device_brings_new_counts(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    event_id = alice.send(room_id, "hello").body["event_id"]
    follower = Follower(bob, lists={"all": room_list()})
    assert follower.sync()["rooms"][room_id]["notification_count"] == 1
    bob.post(f"/rooms/{room_id}/receipt/m.read/{event_id}")
    assert follower.sync()["rooms"][room_id] == {"notification_count": 0, "highlight_count": 0}
