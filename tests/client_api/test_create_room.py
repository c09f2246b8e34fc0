"""POST /createRoom."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.storage import directory
from tests.factories.client import Client, ClientFactory
from tests.factories.present_state import room_of, state_of


@pytest.mark.parametrize("version", list(ROOM_VERSIONS))
def test_a_room_of_each_version_can_be_made_and_used(clients: ClientFactory, version: str) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(room_version=version, preset="public_chat")
    assert state_of(room_id)["m.room.create", ""]["room_version"] == version
    assert bob.post(f"/join/{room_id}").body == {"room_id": room_id}
    assert bob.send(room_id).status == 200


def test_a_preset_sets_join_rules_history_visibility_and_guest_access(clients: ClientFactory) -> None:
    alice = clients.make()
    private, public = state_of(alice.create_room()), state_of(alice.create_room(visibility="public"))
    assert private["m.room.join_rules", ""] == {"join_rule": "invite"}
    assert private["m.room.guest_access", ""] == {"guest_access": "can_join"}
    assert public["m.room.join_rules", ""] == {"join_rule": "public"}
    assert ("m.room.guest_access", "") not in public
    assert private["m.room.history_visibility", ""] == {"history_visibility": "shared"}


def test_those_invited_to_a_trusted_private_chat_are_creators_or_have_the_creators_level(
    clients: ClientFactory,
) -> None:
    alice, bob = clients.many(2)
    body = {"preset": "trusted_private_chat", "invite": [bob.user_id], "is_direct": True}
    new, old = state_of(alice.create_room(**body)), state_of(alice.create_room(**body, room_version="11"))
    assert new["m.room.create", ""]["additional_creators"] == [bob.user_id]
    assert new["m.room.power_levels", ""]["users"] == {}
    assert old["m.room.power_levels", ""]["users"] == {alice.user_id: 100, bob.user_id: 100}
    assert old["m.room.member", bob.user_id]["is_direct"] is True


def test_tombstones_take_more_than_the_default_of_state_in_version_12(clients: ClientFactory) -> None:
    levels = state_of(clients.make().create_room())["m.room.power_levels", ""]
    assert levels["events"]["m.room.tombstone"] > levels["state_default"]


def test_initial_state_stands_above_the_preset_and_the_name_above_initial_state(
    clients: ClientFactory,
) -> None:
    state = state_of(
        clients.make().create_room(
            name="Name",
            topic="Topic",
            initial_state=[
                {"type": "m.room.history_visibility", "content": {"history_visibility": "joined"}},
                {"type": "m.room.name", "content": {"name": "Other"}},
                {"type": "m.own", "state_key": "key", "content": {"a": 1}},
            ],
        )
    )
    assert state["m.room.history_visibility", ""] == {"history_visibility": "joined"}
    assert state["m.room.name", ""] == {"name": "Name"}
    assert state["m.room.topic", ""] == {"topic": "Topic", "m.topic": {"m.text": [{"body": "Topic"}]}}
    assert state["m.own", "key"] == {"a": 1}


def test_an_alias_is_made_and_canonical_and_taken_afterwards(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(room_alias_name="pub", visibility="public")
    assert state_of(room_id)["m.room.canonical_alias", ""] == {"alias": "#pub:hearth.example"}
    assert bob.post("/join/%23pub:hearth.example").body == {"room_id": room_id}
    assert bob.post("/createRoom", {"room_alias_name": "pub"}).errcode == "M_ROOM_IN_USE"
    assert directory.is_published(room_of(room_id).nid)


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"room_version": "99"}, "M_UNSUPPORTED_ROOM_VERSION"),
        ({"room_version": ""}, "M_UNSUPPORTED_ROOM_VERSION"),
        ({"preset": "unknown"}, "M_BAD_JSON"),
        ({"room_alias_name": "a:b"}, "M_INVALID_PARAM"),
        ({"invite": ["bob"]}, "M_INVALID_PARAM"),
        ({"invite": "bob"}, "M_BAD_JSON"),
        ({"initial_state": [{"type": "m.room.create", "content": {}}]}, "M_BAD_JSON"),
        ({"power_level_content_override": {"events": {"m.room.name": "50"}}}, "M_INVALID_ROOM_STATE"),
        ({"power_level_content_override": {"events": "m.room.name"}}, "M_INVALID_ROOM_STATE"),
        ({"room_version": "11", "power_level_content_override": {"users": {}}}, "M_BAD_JSON"),
        ({"room_version": "11", "power_level_content_override": {"users": 5}}, "M_BAD_JSON"),
        ({"creation_content": {"additional_creators": "me"}, "room_version": "12"}, "M_INVALID_ROOM_STATE"),
    ],
)
def test_a_room_that_cannot_be_is_refused(clients: ClientFactory, body: dict[str, Any], errcode: str) -> None:
    answer = clients.make().post("/createRoom", body)
    assert (answer.status, answer.errcode) == (400, errcode)


def test_a_refused_room_leaves_nothing_behind(clients: ClientFactory) -> None:
    alice = clients.make()
    levels = {"users": {alice.user_id: 10}}
    body = {"room_version": "11", "power_level_content_override": levels, "name": "N", "room_alias_name": "a"}
    assert alice.post("/createRoom", body).errcode == "M_INVALID_ROOM_STATE"
    address = {"id_server": "no server", "id_access_token": "t", "medium": "email", "address": "a@b.example"}
    assert alice.post("/createRoom", {"invite_3pid": [address]}).errcode == "M_INVALID_PARAM"
    assert alice.get("/joined_rooms").body == {"joined_rooms": []}
    assert alice.create_room(room_alias_name="a")


def test_a_suspended_user_makes_no_rooms(clients: ClientFactory) -> None:
    suspended: Client = clients.make(suspended=True)
    assert suspended.post("/createRoom").errcode == "M_USER_SUSPENDED"
