"""Other servers asking for the invite that a third-party invite stands for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories.client import Client, ClientFactory
from tests.factories.present_state import membership_of
from tests.factories.visiting_server import VisitingServer
from tests.services.test_third_party_invites import KEY_WITHOUT_URL, sign


@pytest.fixture
def room_id(alice: Client) -> str:
    """A room with a third-party invite whose key nobody can revoke."""
    room_id = alice.create_room(room_version="10")
    content = {"display_name": "b...", **KEY_WITHOUT_URL}
    assert alice.set_state(room_id, "m.room.third_party_invite", content, "t").status == 200
    return room_id


def event_for(room_id: str, target: Client, sender: str) -> dict[str, Any]:
    return {
        "type": "m.room.member",
        "room_id": room_id,
        "sender": sender,
        "state_key": target.user_id,
        "content": {
            "membership": "invite",
            "third_party_invite": {"display_name": "b...", "signed": sign(target)},
        },
    }


def test_a_signed_token_becomes_an_invite(
    remote: VisitingServer, alice: Client, clients: ClientFactory, room_id: str
) -> None:
    bob = clients.make("bob")
    body = event_for(room_id, bob, alice.user_id)
    answer = remote.put(body, "v1", "exchange_third_party_invite", room_id)
    assert (answer.status, answer.body) == (200, {})
    assert membership_of(room_id, bob.user_id) == "invite"


def test_what_does_not_prove_the_invite_is_refused(
    remote: VisitingServer, alice: Client, clients: ClientFactory, room_id: str
) -> None:
    bob = clients.make("bob")
    unsigned = {
        "membership": "invite",
        "third_party_invite": {"signed": {"token": "t", "mxid": bob.user_id}},
    }
    joined = event_for(room_id, bob, alice.user_id)["content"] | {"membership": "join"}
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"content": unsigned}, 403, "M_FORBIDDEN"),
        ({"content": {"third_party_invite": {}}}, 400, "M_MISSING_PARAM"),
        ({"content": {}}, 400, "M_MISSING_PARAM"),
        ({"content": joined}, 400, "M_INVALID_PARAM"),
        ({"sender": bob.user_id}, 403, "M_FORBIDDEN"),
        ({"type": "m.room.name"}, 400, "M_INVALID_PARAM"),
        ({"room_id": "!other:hearth.example"}, 400, "M_INVALID_PARAM"),
        ({"state_key": "@zoe:hearth.example"}, 403, "M_FORBIDDEN"),
        ({"state_key": "nobody"}, 400, "M_INVALID_PARAM"),
    ]
    for changes, status, errcode in cases:
        body = event_for(room_id, bob, alice.user_id) | changes
        answer = remote.put(body, "v1", "exchange_third_party_invite", room_id)
        assert (answer.status, answer.errcode) == (status, errcode), changes
    assert membership_of(room_id, bob.user_id) != "invite"
