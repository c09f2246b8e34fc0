"""Leaving, inviting, removing, banning and forgetting."""

from __future__ import annotations

import orjson
import pytest

from matrix_app.storage import account_data, db, members
from tests.factories.client import Client, ClientFactory
from tests.factories.present_state import events_of, membership_of, room_of, state_of
from tests.factories.sliding import room_list, sliding
from tests.factories.syncing import begin, follow, sync


def block_invites(client: Client) -> None:
    content = b'{"default_action": "block"}'
    with db.write():
        nid = client.requester.user_nid
        account_data.put(nid, account_data.GLOBAL, "m.invite_permission_config", content)


def test_an_invited_user_joins_and_leaves(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    assert bob.change(room_id, "join").errcode == "M_FORBIDDEN"
    assert alice.change(room_id, "invite", user_id=bob.user_id, reason="come").status == 200
    assert state_of(room_id)["m.room.member", bob.user_id] == {"membership": "invite", "reason": "come"}
    assert bob.change(room_id, "join").body == {"room_id": room_id}
    assert bob.send(room_id).status == 200
    assert bob.change(room_id, "leave").body == {}
    assert bob.send(room_id).errcode == "M_FORBIDDEN"


def test_leaving_twice_and_inviting_twice_make_one_event_each(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    alice.change(room_id, "invite", user_id=bob.user_id)
    invite = events_of(room_id)["m.room.member", bob.user_id]
    assert alice.change(room_id, "invite", user_id=bob.user_id, reason="again").status == 200
    assert events_of(room_id)["m.room.member", bob.user_id] == invite
    bob.change(room_id, "leave")
    left = events_of(room_id)["m.room.member", bob.user_id]
    assert bob.change(room_id, "leave", reason="again").status == 200
    assert events_of(room_id)["m.room.member", bob.user_id] == left


def test_an_invite_can_be_turned_down_after_the_inviter_has_left(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    alice.change(room_id, "invite", user_id=bob.user_id)
    alice.change(room_id, "leave")
    assert bob.change(room_id, "leave").status == 200
    assert membership_of(room_id, bob.user_id) == "leave"


def test_who_never_was_in_a_room_cannot_leave_it(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    assert bob.change(alice.create_room(), "leave").errcode == "M_FORBIDDEN"
    assert bob.change("!unknown:hearth.example", "leave").errcode == "M_NOT_FOUND"


def test_an_invite_shows_the_profile_of_the_local_user(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    assert bob.put(f"/profile/{bob.user_id}/displayname", {"displayname": "Bob"}).status == 200
    room_id = alice.create_room(invite=[bob.user_id])
    assert state_of(room_id)["m.room.member", bob.user_id]["displayname"] == "Bob"


def test_who_is_in_the_room_or_banned_cannot_be_invited(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    assert alice.change(room_id, "invite", user_id=alice.user_id).errcode == "M_FORBIDDEN"
    bob.change(room_id, "join")
    assert alice.change(room_id, "invite", user_id=bob.user_id).errcode == "M_FORBIDDEN"
    alice.change(room_id, "ban", user_id=bob.user_id)
    assert alice.change(room_id, "invite", user_id=bob.user_id).errcode == "M_FORBIDDEN"


def test_who_is_not_in_the_room_invites_nobody(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    room_id = alice.create_room(invite=[carol.user_id])
    for target in (bob, carol):
        assert bob.change(room_id, "invite", user_id=target.user_id).errcode == "M_FORBIDDEN"


def test_who_blocks_invites_gets_none(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    block_invites(bob)
    room_id = alice.create_room(invite=[bob.user_id, carol.user_id])
    assert membership_of(room_id, carol.user_id) == "invite"
    assert membership_of(room_id, bob.user_id) is None
    assert alice.change(room_id, "invite", user_id=bob.user_id).errcode == "M_INVITE_BLOCKED"
    content = {"membership": "invite"}
    assert alice.set_state(room_id, "m.room.member", content, bob.user_id).errcode == "M_INVITE_BLOCKED"
    assert membership_of(room_id, bob.user_id) is None


def test_no_room_is_made_with_nobody_but_those_who_block_invites(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    block_invites(bob)
    answer = alice.post("/createRoom", {"invite": [bob.user_id]})
    assert (answer.status, answer.errcode) == (403, "M_INVITE_BLOCKED")
    assert alice.get("/joined_rooms").body == {"joined_rooms": []}


@pytest.mark.django_db(transaction=True)
def test_invites_from_before_they_were_blocked_are_not_shown(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(invite=[bob.user_id])
    path = f"/user/{bob.user_id}/account_data/m.invite_permission_config"
    assert invites_shown(bob) == [{room_id}] * 4
    bob.put(path, {"default_action": "block"})
    assert invites_shown(bob) == [set()] * 4
    bob.put(path, {})
    assert invites_shown(bob) == [{room_id}] * 4


def invites_shown(client: Client) -> list[set[str]]:
    """The rooms to which each kind of sync shows an invite."""
    body = sync(client)
    old = client.get("/initialSync").body["rooms"]
    stream = follow(begin(client, "/events", **{"from": "s0"}))
    members = [event for event in orjson.loads(stream)["chunk"] if event["type"] == "m.room.member"]
    sliding_rooms = sliding(client, lists={"all": room_list()})["rooms"]
    return [
        set(body.get("rooms", {}).get("invite", {})),
        {room["room_id"] for room in old if room["membership"] == "invite"},
        {event["room_id"] for event in members},
        set(sliding_rooms),
    ]


def test_kicking_takes_power_and_a_user_who_is_there(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    assert alice.change(room_id, "kick", user_id=bob.user_id).status == 403
    bob.change(room_id, "join")
    assert bob.change(room_id, "kick", user_id=alice.user_id).errcode == "M_FORBIDDEN"
    assert alice.change(room_id, "kick", user_id=bob.user_id, reason="out").status == 200
    assert state_of(room_id)["m.room.member", bob.user_id] == {"membership": "leave", "reason": "out"}
    assert alice.change(room_id, "kick", user_id=bob.user_id).errcode == "M_FORBIDDEN"


def test_a_ban_holds_until_it_is_lifted(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    assert alice.change(room_id, "unban", user_id=bob.user_id).errcode == "M_BAD_STATE"
    assert alice.change(room_id, "ban", user_id=bob.user_id).status == 200
    ban = events_of(room_id)["m.room.member", bob.user_id]
    assert alice.change(room_id, "ban", user_id=bob.user_id, reason="again").status == 200
    assert events_of(room_id)["m.room.member", bob.user_id] == ban
    assert bob.change(room_id, "join").errcode == "M_FORBIDDEN"
    assert alice.change(room_id, "kick", user_id=bob.user_id).errcode == "M_BAD_STATE"
    assert alice.change(room_id, "unban", user_id=bob.user_id).status == 200
    assert bob.change(room_id, "join").status == 200


def test_only_rooms_that_were_left_can_be_forgotten(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    assert (bob.change(room_id, "forget").status, bob.change(room_id, "forget").errcode) == (400, "M_UNKNOWN")
    bob.change(room_id, "leave")
    assert bob.change(room_id, "forget").body == {}
    assert bob.change(room_id, "forget").body == {}


def test_a_forgotten_room_stays_so_under_a_ban_and_comes_back_with_an_invite(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    bob.change(room_id, "leave")
    bob.change(room_id, "forget")

    def is_forgotten() -> bool:
        row = members.get(room_of(room_id).nid, bob.requester.user_nid)
        assert row is not None
        return row.forgotten

    alice.change(room_id, "ban", user_id=bob.user_id)
    assert is_forgotten()
    alice.change(room_id, "unban", user_id=bob.user_id)
    alice.change(room_id, "invite", user_id=bob.user_id)
    assert not is_forgotten()


@pytest.mark.parametrize("action", ["invite", "kick", "ban", "unban"])
def test_what_is_no_user_id_is_refused(clients: ClientFactory, action: str) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    assert alice.change(room_id, action, user_id="bob").errcode == "M_INVALID_PARAM"
    assert alice.change(room_id, action).errcode == "M_MISSING_PARAM"
    assert alice.change(room_id, action, user_id=1).errcode == "M_BAD_JSON"


def test_a_suspended_user_may_leave_and_turn_invites_down_only(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make(suspended=True)
    room_id = alice.create_room(preset="public_chat", invite=[bob.user_id])
    assert bob.change(room_id, "join").errcode == "M_USER_SUSPENDED"
    assert bob.post(f"/knock/{room_id}").errcode == "M_USER_SUSPENDED"
    assert bob.change(room_id, "invite", user_id=alice.user_id).errcode == "M_USER_SUSPENDED"
    assert bob.change(room_id, "leave").status == 200


class TestByStateEvent:
    """PUT /rooms/{roomId}/state/m.room.member/{userId}."""

    def put(self, client: Client, room_id: str, target: Client, **content: object) -> str | int | None:
        answer = client.set_state(room_id, "m.room.member", content, target.user_id)
        return answer.errcode or answer.status

    def test_a_user_joins_with_a_name_for_the_room_and_changes_it(self, clients: ClientFactory) -> None:
        alice, bob = clients.many(2)
        room_id = alice.create_room(preset="public_chat")
        assert self.put(bob, room_id, bob, membership="join", displayname="B") == 200
        assert self.put(bob, room_id, bob, membership="join", displayname="C") == 200
        assert state_of(room_id)["m.room.member", bob.user_id]["displayname"] == "C"
        assert self.put(bob, room_id, bob, membership="leave") == 200
        assert membership_of(room_id, bob.user_id) == "leave"

    def test_others_are_invited_removed_and_banned(self, clients: ClientFactory) -> None:
        alice, bob = clients.many(2)
        room_id = alice.create_room()
        for membership in ("invite", "leave", "ban", "leave"):
            assert self.put(alice, room_id, bob, membership=membership) == 200
            assert membership_of(room_id, bob.user_id) == membership

    def test_nobody_joins_for_another_or_with_a_borrowed_authoriser(self, clients: ClientFactory) -> None:
        alice, bob = clients.many(2)
        room_id = alice.create_room()
        assert self.put(alice, room_id, bob, membership="join") == "M_FORBIDDEN"
        borrowed = {"membership": "join", "join_authorised_via_users_server": alice.user_id}
        assert self.put(bob, room_id, bob, **borrowed) == "M_FORBIDDEN"
        assert self.put(bob, room_id, bob, membership="present") == "M_BAD_JSON"
