"""Invites, knocks, kicks, bans and restricted joins between two servers, in old and new room versions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.interop.conftest import Pair
from tests.interop.people import Person, Refused, eventually
from tests.interop.rooms import agree, become, common_room, empower

pytestmark = pytest.mark.slow


def test_an_invite_can_be_accepted(alice: Person, bob: Person, version: str) -> None:
    room = alice.create_room(version, preset="private_chat", name="Parlour")
    before = alice.say(room, "before the invite")
    with pytest.raises(Refused) as refusal:
        bob.join(room, via=alice)
    assert refusal.value.status == 403
    alice.act("invite", room, user_id=bob.user_id, reason="tea")
    shown = bob.until(lambda notes: notes.invites.get(room))
    assert content_in(shown, "m.room.name") == {"name": "Parlour"}
    assert content_in(shown, "m.room.member", bob.user_id)["membership"] == "invite"
    assert ("m.room.create", "") in [(event["type"], event["state_key"]) for event in shown]
    bob.join(room)
    become(alice, room, bob, "join")
    agree(room, alice, bob)
    found = bob.history(room, lambda events: before in [event["event_id"] for event in events])
    assert found[-1]["event_id"] == before or len(found) > 1


def test_an_invite_can_be_turned_down(alice: Person, bob: Person, version: str) -> None:
    room = alice.create_room(version, preset="private_chat")
    alice.act("invite", room, user_id=bob.user_id)
    bob.until(lambda notes: room in notes.invites)
    bob.act("leave", room, reason="no time")
    left = eventually(lambda: member(alice, room, bob, "leave"))
    assert left["sender"] == bob.user_id
    bob.until(lambda notes: room in notes.left and room not in notes.invites)


def test_an_invite_can_be_taken_back(alice: Person, bob: Person, version: str) -> None:
    room = alice.create_room(version, preset="private_chat")
    alice.act("invite", room, user_id=bob.user_id)
    bob.until(lambda notes: room in notes.invites)
    alice.act("kick", room, user_id=bob.user_id)
    bob.until(lambda notes: room in notes.left and room not in notes.invites)
    with pytest.raises(Refused):
        bob.join(room, via=alice)


def test_an_invite_by_a_guest_of_the_room_brings_users_of_any_server(
    pair: Pair, alice: Person, bob: Person, version: str
) -> None:
    room = common_room(alice, bob, version, preset="private_chat", invite=[bob.user_id])
    carol, dave = pair.host.person("carol"), pair.guest.person("dave")
    for invited in (carol, dave):
        bob.act("invite", room, user_id=invited.user_id)
        invited.until(lambda notes: room in notes.invites)
        invited.join(room)
        become(alice, room, invited, "join")
    agree(room, alice, bob, carol, dave)


def test_who_is_kicked_is_out_at_both_servers_and_may_come_back(
    alice: Person, bob: Person, version: str
) -> None:
    room = common_room(alice, bob, version)
    bob.until(lambda notes: room in notes.joined)
    alice.act("kick", room, user_id=bob.user_id, reason="manners")
    bob.until(lambda notes: room in notes.left)
    with pytest.raises(Refused):
        bob.say(room, "I am still here")
    bob.join(room, via=alice)
    become(alice, room, bob, "join")
    back = bob.say(room, "I am back")
    alice.hears(room, back)
    agree(room, alice, bob)


def test_who_is_banned_stays_out_until_the_ban_is_lifted(alice: Person, bob: Person, version: str) -> None:
    room = common_room(alice, bob, version)
    bob.until(lambda notes: room in notes.joined)
    alice.act("ban", room, user_id=bob.user_id)
    bob.until(lambda notes: room in notes.left)
    with pytest.raises(Refused) as refusal:
        bob.join(room, via=alice)
    assert refusal.value.status == 403
    alice.act("unban", room, user_id=bob.user_id)
    bob.join(room, via=alice)
    become(alice, room, bob, "join")
    agree(room, alice, bob)


def test_a_moderator_of_the_other_server_kicks_and_bans(
    pair: Pair, alice: Person, bob: Person, version: str
) -> None:
    room = common_room(alice, bob, version)
    carol = pair.host.person("carol")
    carol.join(room)
    become(bob, room, carol, "join")
    with pytest.raises(Refused):
        bob.act("kick", room, user_id=carol.user_id)
    empower(alice, room, bob, 50)
    bob.act("kick", room, user_id=carol.user_id)
    become(alice, room, carol, "leave")
    bob.act("ban", room, user_id=carol.user_id)
    become(alice, room, carol, "ban")
    agree(room, alice, bob)


def test_who_leaves_can_come_back(alice: Person, bob: Person, version: str) -> None:
    room = common_room(alice, bob, version)
    bob.act("leave", room)
    become(alice, room, bob, "leave")
    missed = alice.say(room, "nobody from there hears this")
    bob.join(room, via=alice)
    become(alice, room, bob, "join")
    agree(room, alice, bob)
    found = bob.history(room, lambda events: missed in [event["event_id"] for event in events])
    assert len({event["event_id"] for event in found}) == len(found)


@pytest.mark.parametrize("version", ["10", "11", "12"])
def test_a_knock_can_be_answered_with_an_invite(alice: Person, bob: Person, version: str) -> None:
    room = alice.create_room(version, name="Parlour", initial_state=[knock_rule()])
    knock(bob, room, alice)
    shown = bob.until(lambda notes: notes.knocks.get(room))
    assert content_in(shown, "m.room.name") == {"name": "Parlour"}
    knocked = eventually(lambda: member(alice, room, bob, "knock"))
    assert knocked["content"]["reason"] == "let me in"
    alice.act("invite", room, user_id=bob.user_id)
    bob.until(lambda notes: room in notes.invites)
    bob.join(room)
    become(alice, room, bob, "join")
    agree(room, alice, bob)


@pytest.mark.parametrize("version", ["10", "11", "12"])
def test_a_knock_can_be_turned_down(pair: Pair, alice: Person, bob: Person, version: str) -> None:
    room = alice.create_room(version, initial_state=[knock_rule()])
    knock(bob, room, alice)
    become(alice, room, bob, "knock")
    bob.until(lambda notes: room in notes.knocks)
    alice.act("kick", room, user_id=bob.user_id)
    become(alice, room, bob, "leave")
    # Synapse neither sends the refusal of a knock nor takes one in.
    if not pair.has_synapse:
        bob.until(lambda notes: room in notes.left)
    knock(bob, room, alice)
    become(alice, room, bob, "knock")


@pytest.mark.parametrize("version", ["10", "11", "12"])
def test_a_knock_can_be_taken_back(pair: Pair, alice: Person, bob: Person, version: str) -> None:
    room = alice.create_room(version, initial_state=[knock_rule()])
    knock(bob, room, alice)
    become(alice, room, bob, "knock")
    bob.until(lambda notes: room in notes.knocks)
    bob.act("leave", room)
    bob.until(lambda notes: room in notes.left)
    # Synapse takes back its users' knocks without a word to anybody.
    if pair.guest.kind != "synapse":
        become(alice, room, bob, "leave")


@pytest.mark.parametrize("version", ["10", "11", "12"])
def test_members_of_a_space_may_join_what_is_restricted_to_it(
    pair: Pair, alice: Person, bob: Person, version: str
) -> None:
    space = alice.create_room(version, creation_content={"type": "m.space"})
    rule = {"join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": space}]}
    entry = {"type": "m.room.join_rules", "state_key": "", "content": rule}
    room = alice.create_room(version, initial_state=[entry])
    with pytest.raises(Refused) as refusal:
        bob.join(room, via=alice)
    assert refusal.value.status == 403
    bob.join(space, via=alice)
    become(alice, space, bob, "join")
    bob.join(room, via=alice)
    become(alice, room, bob, "join")
    joined = member(bob, room, bob, "join")
    assert joined is not None
    assert joined["content"]["join_authorised_via_users_server"] == alice.user_id
    agree(room, alice, bob)
    # The server is in the room now, but nobody of it may let others in.
    carol = pair.guest.person("carol")
    with pytest.raises(Refused):
        carol.join(room, via=alice)
    carol.join(space, via=alice)
    become(alice, space, carol, "join")
    carol.join(room, via=alice)
    become(alice, room, carol, "join")
    agree(room, alice, bob, carol)


def knock_rule() -> dict[str, Any]:
    return {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "knock"}}


def knock(who: Person, room: str, via: Person) -> None:
    servers = [via.server_name]
    answer = who.post("knock", room, body={"reason": "let me in"}, server_name=servers, via=servers)
    assert answer == {"room_id": room}


def content_in(events: list[dict[str, Any]], kind: str, state_key: str = "") -> Any:
    """The content of an entry of stripped state."""
    return next(e["content"] for e in events if (e["type"], e["state_key"]) == (kind, state_key))


def member(witness: Person, room: str, who: Person, membership: str) -> dict[str, Any] | None:
    """A user's member event, when it says what it should."""
    for event in witness.get("rooms", room, "members")["chunk"]:
        if event["state_key"] == who.user_id and event["content"]["membership"] == membership:
            return dict(event)
    return None
