"""Joining rooms and knocking on them."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.services.blocked_rooms import set_blocked
from tests.factories.client import ClientFactory
from tests.factories.present_state import events_of, membership_of, room_of, state_of

VIA = "join_authorised_via_users_server"


def test_an_unknown_room_or_alias_cannot_be_joined(clients: ClientFactory) -> None:
    alice = clients.make()
    assert alice.post("/join/!unknown:hearth.example").status == 404
    assert alice.post("/join/%23unknown:hearth.example").errcode == "M_NOT_FOUND"
    assert alice.post("/join/nonsense").errcode == "M_INVALID_PARAM"


def test_joining_twice_makes_one_event(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    joined = events_of(room_id)["m.room.member", bob.user_id]
    assert bob.change(room_id, "join", reason="again").status == 200
    assert events_of(room_id)["m.room.member", bob.user_id] == joined


def test_a_join_says_why_and_what_else_the_client_wants(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    assert bob.post(f"/join/{room_id}", {"reason": "why not", "foo": "bar"}).status == 200
    assert state_of(room_id)["m.room.member", bob.user_id] == {
        "membership": "join",
        "reason": "why not",
        "foo": "bar",
    }


def test_a_public_room_that_everybody_left_can_be_joined_again(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(preset="public_chat")
    alice.change(room_id, "leave")
    assert alice.change(room_id, "join").status == 200


def test_a_blocked_room_lets_nobody_in(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    set_blocked(room_of(room_id), True)
    assert bob.change(room_id, "join").errcode == "M_FORBIDDEN"
    assert alice.change(room_id, "invite", user_id=bob.user_id).errcode == "M_FORBIDDEN"
    set_blocked(room_of(room_id), False)
    assert bob.change(room_id, "join").status == 200


class TestKnocking:
    """Knocks."""

    def test_a_knock_is_seen_and_can_be_answered_or_taken_back(self, clients: ClientFactory) -> None:
        alice, bob = clients.many(2)
        room_id = alice.create_room()
        assert bob.post(f"/knock/{room_id}").errcode == "M_FORBIDDEN"
        alice.set_state(room_id, "m.room.join_rules", {"join_rule": "knock"})
        assert bob.post(f"/knock/{room_id}", {"reason": "please"}).body == {"room_id": room_id}
        assert state_of(room_id)["m.room.member", bob.user_id] == {"membership": "knock", "reason": "please"}
        assert bob.change(room_id, "leave").status == 200
        assert bob.post(f"/knock/{room_id}").status == 200
        assert alice.change(room_id, "invite", user_id=bob.user_id).status == 200
        assert bob.post(f"/knock/{room_id}").errcode == "M_FORBIDDEN"
        assert bob.change(room_id, "join").status == 200

    def test_a_knock_can_be_refused(self, clients: ClientFactory) -> None:
        alice, bob = clients.many(2)
        room_id = alice.create_room(
            initial_state=[{"type": "m.room.join_rules", "content": {"join_rule": "knock"}}]
        )
        bob.post(f"/knock/{room_id}")
        assert alice.change(room_id, "kick", user_id=bob.user_id).status == 200
        assert bob.change(room_id, "join").errcode == "M_FORBIDDEN"

    def test_old_versions_know_no_knocks(self, clients: ClientFactory) -> None:
        alice, bob = clients.many(2)
        rules = [{"type": "m.room.join_rules", "content": {"join_rule": "knock"}}]
        room_id = alice.create_room(room_version="6", initial_state=rules)
        assert bob.post(f"/knock/{room_id}").errcode == "M_FORBIDDEN"


def restricted(allowed: str, rule: str = "restricted") -> list[dict[str, Any]]:
    allow = [{"type": "m.room_membership", "room_id": allowed}, {"type": "unknown"}, "nonsense"]
    return [{"type": "m.room.join_rules", "content": {"join_rule": rule, "allow": allow}}]


class TestRestricted:
    """Rooms that the members of another may join."""

    @pytest.mark.parametrize(
        ("version", "rule"), [("8", "restricted"), ("10", "knock_restricted"), ("12", "restricted")]
    )
    def test_members_of_the_other_room_get_in(self, clients: ClientFactory, version: str, rule: str) -> None:
        alice, bob, carol = clients.many(3)
        other = alice.create_room(preset="public_chat")
        room_id = alice.create_room(room_version=version, initial_state=restricted(other, rule))
        bob.change(other, "join")
        assert bob.change(room_id, "join").status == 200
        assert state_of(room_id)["m.room.member", bob.user_id][VIA] == alice.user_id
        assert carol.change(room_id, "join").errcode == "M_FORBIDDEN"

    def test_the_invited_need_nobody(self, clients: ClientFactory) -> None:
        alice, bob = clients.many(2)
        room_id = alice.create_room(initial_state=restricted("!x:hearth.example"), invite=[bob.user_id])
        assert bob.change(room_id, "join").status == 200
        assert VIA not in state_of(room_id)["m.room.member", bob.user_id]

    def test_a_name_changed_later_is_not_authorised_again(self, clients: ClientFactory) -> None:
        alice, bob = clients.many(2)
        other = alice.create_room(preset="public_chat")
        room_id = alice.create_room(initial_state=restricted(other))
        bob.change(other, "join")
        bob.change(room_id, "join")
        alice.change(room_id, "leave")
        assert (
            bob.set_state(
                room_id, "m.room.member", {"membership": "join", "displayname": "B"}, bob.user_id
            ).status
            == 200
        )

    def test_without_anybody_who_may_invite_nobody_gets_in(self, clients: ClientFactory) -> None:
        alice, bob, carol = clients.many(3)
        other = alice.create_room(preset="public_chat")
        room_id = alice.create_room(
            initial_state=restricted(other),
            power_level_content_override={"invite": 50},
            invite=[carol.user_id],
        )
        carol.change(room_id, "join")
        bob.change(other, "join")
        alice.change(room_id, "leave")
        assert bob.change(room_id, "join").errcode == "M_UNABLE_TO_GRANT_JOIN"

    def test_versions_without_restricted_rooms_let_nobody_in(self, clients: ClientFactory) -> None:
        alice, bob = clients.many(2)
        other = alice.create_room(preset="public_chat")
        room_id = alice.create_room(room_version="7", initial_state=restricted(other))
        bob.change(other, "join")
        assert bob.change(room_id, "join").errcode == "M_FORBIDDEN"


class TestGuests:
    """Guests."""

    def test_guests_join_only_where_they_may(self, clients: ClientFactory) -> None:
        alice, guest = clients.make(), clients.make(guest=True)
        room_id = alice.create_room(preset="public_chat", invite=[guest.user_id])
        assert guest.change(room_id, "join").errcode == "M_GUEST_ACCESS_FORBIDDEN"
        alice.set_state(room_id, "m.room.guest_access", {"guest_access": "can_join"})
        assert guest.change(room_id, "join").status == 200
        assert guest.send(room_id).status == 200

    def test_guests_leave_when_they_may_not_be_there_any_more(self, clients: ClientFactory) -> None:
        alice, bob, guest = clients.make(), clients.make(), clients.make(guest=True)
        room_id = alice.create_room(preset="private_chat", invite=[bob.user_id, guest.user_id])
        for client in (bob, guest):
            client.change(room_id, "join")
        alice.set_state(room_id, "m.room.guest_access", {"guest_access": "forbidden"})
        assert membership_of(room_id, guest.user_id) == "leave"
        assert membership_of(room_id, bob.user_id) == "join"

    def test_guests_make_no_rooms_and_invite_nobody(self, clients: ClientFactory) -> None:
        guest = clients.make(guest=True)
        assert guest.post("/createRoom").errcode == "M_GUEST_ACCESS_FORBIDDEN"
