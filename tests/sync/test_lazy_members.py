"""Members of rooms as a lazily loading client gets them from /sync."""

from typing import Any

import pytest

from tests.factories.client import ClientFactory
from tests.factories.events import ALICE, BOB, CAROL, RoomBuilder
from tests.factories.remote_rooms import JoinedRoom
from tests.factories.syncing import sync

pytestmark = pytest.mark.django_db(transaction=True)

LAZY = '{"room":{"timeline":{"limit":2},"state":{"lazy_load_members":true}}}'


def test_lazy_loading_brings_the_members_who_speak_and_no_others(clients: ClientFactory) -> None:
    alice, bob, carol = clients.make(), clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    for client in (bob, carol):
        client.change(room_id, "join")
    for number in range(3):
        bob.send(room_id, str(number))
    room = sync(alice, filter=LAZY)["rooms"]["join"][room_id]
    members = {event["state_key"] for event in room["state"]["events"] if event["type"] == "m.room.member"}
    assert bob.user_id in members
    assert carol.user_id not in members - set(room["summary"]["m.heroes"])


def test_ones_own_membership_comes_with_a_room_that_one_joins_or_asks_for_whole(
    clients: ClientFactory,
) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = alice.create_room(preset="public_chat")
    since = sync(bob)["next_batch"]
    bob.change(room_id, "join")
    alice.send(room_id, "one")
    wanted = '{"room":{"state":{"lazy_load_members":true},"timeline":{"limit":1}}}'
    body = sync(bob, since, filter=wanted)
    assert bob.user_id in members_in_state(body, room_id)
    alice.send(room_id, "three")
    body = sync(bob, body["next_batch"], filter=wanted, full_state="true")
    assert members_in_state(body, room_id) == {alice.user_id, bob.user_id}


def members_in_state(body: dict[str, Any], room_id: str) -> set[str]:
    """The users whose member events are in the `state` of a room."""
    state = body["rooms"]["join"][room_id]["state"]["events"]
    return {event["state_key"] for event in state if event["type"] == "m.room.member"}


def test_a_member_is_told_again_when_the_answer_did_not_arrive(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat", name="Garden")
    bob.change(room_id, "join")
    for number in range(3):
        alice.send(room_id, str(number))
    since = sync(alice, filter=LAZY)["next_batch"]
    bob.send(room_id, "hello")
    lost = sync(alice, since, filter=LAZY)
    assert members_in_state(lost, room_id) == {bob.user_id}
    again = sync(alice, since, filter=LAZY)
    assert members_in_state(again, room_id) == {bob.user_id}
    bob.send(room_id, "hello?")
    assert members_in_state(sync(alice, again["next_batch"], filter=LAZY), room_id) == set()


def test_members_who_changed_while_one_was_away_for_a_moment_are_told(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    room_id = alice.create_room(preset="public_chat", name="Garden")
    for client in (bob, carol):
        client.change(room_id, "join")
        client.send(room_id, "hello")
    since = sync(bob, filter=LAZY)["next_batch"]
    bob.change(room_id, "leave")
    carol.change(room_id, "leave")
    bob.change(room_id, "join")
    for number in range(3):
        alice.send(room_id, str(number))
    room = sync(bob, since, filter=LAZY)["rooms"]["join"][room_id]
    told = {
        event["state_key"]: event["content"]["membership"]
        for event in room["state"]["events"]
        if event["type"] == "m.room.member"
    }
    assert told == {alice.user_id: "join", bob.user_id: "join", carol.user_id: "leave"}


@pytest.mark.parametrize("back", [True, False])
def test_the_state_after_the_timeline_has_members_whom_the_timeline_changed(
    clients: ClientFactory, back: bool
) -> None:
    alice, bob, carol = clients.many(3)
    room_id = alice.create_room(preset="public_chat", name="Garden")
    for client in (bob, carol):
        client.change(room_id, "join")
        client.send(room_id, "hello")
    rooms = '{"timeline":{"limit":1},"state":{"lazy_load_members":true}}'
    wanted = {"filter": f'{{"room":{rooms}}}', "use_state_after": "true"}
    since = sync(bob, **wanted)["next_batch"]
    if back:
        bob.change(room_id, "leave")
        bob.change(room_id, "join")
    else:
        wanted["full_state"] = "true"
    alice.change(room_id, "kick", user_id=carol.user_id)
    told = sync(bob, since, **wanted)["rooms"]["join"][room_id]["state_after"]["events"]
    memberships = {event["state_key"]: event["content"].get("membership") for event in told}
    assert memberships[carol.user_id] == "leave"


def test_a_member_whom_a_filter_keeps_from_the_timeline_is_told_with_the_whole_state(
    clients: ClientFactory,
) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat", name="Garden")
    bob.change(room_id, "join")
    rooms = '{"state":{"lazy_load_members":true},"timeline":{"types":["m.room.message"]}}'
    since = sync(alice)["next_batch"]
    bob.change(room_id, "leave")
    body = sync(alice, since, filter=f'{{"room":{rooms}}}', full_state="true")
    assert bob.user_id in members_in_state(body, room_id)


@pytest.mark.parametrize("messages", [0, 3])
def test_who_joins_a_room_of_another_server_is_not_told_of_all_its_members(
    clients: ClientFactory, messages: int
) -> None:
    zoe = clients.make()
    since = sync(zoe)["next_batch"]
    builder = RoomBuilder.opened("10")
    for user_id in (BOB, CAROL):
        builder.join(user_id)
    builder.send("m.room.name", ALICE, {"name": "Garden"}, state_key="")
    room = JoinedRoom(builder, zoe.user_id)
    for number in range(messages):
        room.receive(builder.message(BOB, str(number)))
    body = sync(zoe, since, filter=LAZY)
    told = members_in_state(body, room.identity.room_id)
    assert told == ({BOB, zoe.user_id} if messages else set())
