"""Leaving and knocking from another server."""

from __future__ import annotations

import pytest

from matrix_app.protocol.hashes import event_id_of
from matrix_app.protocol.room_versions import ROOM_VERSIONS
from tests.factories.client import Client
from tests.factories.visiting_server import VisitingServer


def membership(client: Client, room_id: str, user_id: str) -> str:
    return str(client.get(f"/rooms/{room_id}/state/m.room.member/{user_id}").body.get("membership"))


def knockable_room(client: Client, version: str = "10") -> str:
    room_id = client.create_room(room_version=version, preset="private_chat", name="Kitchen")
    client.set_state(room_id, "m.room.join_rules", {"join_rule": "knock"})
    return room_id


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_user_of_another_server_leaves(remote: VisitingServer, alice: Client, version: str) -> None:
    room_id = alice.create_room(preset="public_chat")
    bob = remote.user("bob")
    remote.join(room_id, bob)
    answer = remote.hand_in(remote.draft("leave", room_id, bob), version=version)
    assert (answer.status, answer.body) == (200, [200, {}] if version == "v1" else {})
    assert membership(alice, room_id, bob) == "leave"


def test_who_is_not_in_the_room_cannot_leave_it(remote: VisitingServer, alice: Client) -> None:
    room_id = alice.create_room(preset="public_chat")
    answer = remote.make("leave", room_id, remote.user("bob"))
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


def test_a_leave_of_another_servers_user_is_refused(remote: VisitingServer, alice: Client) -> None:
    room_id = alice.create_room(preset="public_chat")
    third = VisitingServer("third.example")
    third.join(room_id, third.user("eve"))
    event = third.draft("leave", room_id, third.user("eve"))
    answer = remote.hand_in(event)
    assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")
    assert membership(alice, room_id, third.user("eve")) == "join"


@pytest.mark.parametrize("version", ["7", "10", "12"])
def test_a_user_of_another_server_knocks_and_is_told_what_the_room_is(
    remote: VisitingServer, alice: Client, version: str
) -> None:
    room_id = knockable_room(alice, version)
    bob = remote.user("bob")
    answer = remote.hand_in(remote.draft("knock", room_id, bob), version="v1")
    assert answer.status == 200, answer
    assert membership(alice, room_id, bob) == "knock"
    shown = {pdu["type"]: pdu for pdu in answer.body["knock_room_state"]}
    assert {"m.room.create", "m.room.join_rules", "m.room.name"} <= set(shown)
    if version == "12":
        assert event_id_of(shown["m.room.create"], ROOM_VERSIONS["12"])[1:] == room_id[1:]
    remote.hand_in(remote.draft("leave", room_id, bob))
    assert membership(alice, room_id, bob) == "leave"


def test_a_room_that_takes_no_knocks_says_so(remote: VisitingServer, alice: Client) -> None:
    for room_id in (alice.create_room(room_version="10"), alice.create_room(room_version="6")):
        answer = remote.make("knock", room_id, remote.user("bob"))
        assert (answer.status, answer.errcode) == (403, "M_FORBIDDEN")


def test_a_server_has_to_know_the_version_to_knock(remote: VisitingServer, alice: Client) -> None:
    answer = remote.make("knock", knockable_room(alice), remote.user("bob"), ["7"])
    assert (answer.status, answer.errcode) == (400, "M_INCOMPATIBLE_ROOM_VERSION")
