"""Replacing a room by one of another version."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest

from matrix_app.protocol.room_versions import ROOM_VERSIONS
from matrix_app.services.push_rules import custom_of
from matrix_app.storage import account_data, db, directory
from tests.factories.client import Client, ClientFactory
from tests.factories.present_state import events_of, membership_of, room_of, state_of


def upgrade(client: Client, room_id: str, version: str, **body: Any) -> str:
    answer = client.post(f"/rooms/{room_id}/upgrade", {"new_version": version, **body})
    assert answer.status == 200, answer
    replacement: str = answer.body["replacement_room"]
    return replacement


@pytest.mark.parametrize(("old", "new"), [*pairwise(ROOM_VERSIONS), ("12", "12"), ("12", "10"), ("1", "12")])
def test_every_version_can_be_upgraded(clients: ClientFactory, old: str, new: str) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat", room_version=old, name="Pub")
    new_id = upgrade(alice, room_id, new)
    before, after = events_of(room_id), state_of(new_id)
    tombstone = before["m.room.tombstone", ""]
    assert tombstone.content["replacement_room"] == new_id
    predecessor = after["m.room.create", ""]["predecessor"]
    assert predecessor["room_id"] == room_id
    assert predecessor.get("event_id") in (None if new == "12" else tombstone.event_id, tombstone.event_id)
    assert after["m.room.create", ""]["room_version"] == new
    assert after["m.room.name", ""] == {"name": "Pub"}
    assert alice.send(new_id).status == 200
    assert bob.change(new_id, "join").status == 200


def test_what_a_room_is_moves_along(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    room_id = alice.create_room(
        room_version="10",
        preset="public_chat",
        room_alias_name="pub",
        visibility="public",
        creation_content={"type": "m.space", "m.federate": False},
        initial_state=[
            {"type": "m.space.child", "state_key": "!a:hearth.example", "content": {"via": ["x"]}},
            {"type": "m.space.child", "state_key": "!b:hearth.example", "content": {}},
            {"type": "m.own", "content": {"a": 1}},
        ],
    )
    alice.change(room_id, "ban", user_id=bob.user_id, reason="bad")
    levels = state_of(room_id)["m.room.power_levels", ""]
    new_id = upgrade(alice, room_id, "10")
    old, new = state_of(room_id), state_of(new_id)
    assert new["m.room.create", ""]["type"] == "m.space"
    assert new["m.room.create", ""]["m.federate"] is False
    assert new["m.room.canonical_alias", ""] == {"alias": "#pub:hearth.example"}
    assert old["m.room.canonical_alias", ""] == {}
    assert new["m.space.child", "!a:hearth.example"] == {"via": ["x"]}
    assert new["m.room.member", bob.user_id] == {"membership": "ban", "reason": "bad"}
    assert not {("m.space.child", "!b:hearth.example"), ("m.own", "")} & new.keys()
    assert new["m.room.power_levels", ""] == levels
    assert (old["m.room.power_levels", ""]["events_default"], old["m.room.power_levels", ""]["invite"]) == (
        50,
        50,
    )
    assert carol.get("/directory/room/%23pub:hearth.example").body["room_id"] == new_id
    assert not directory.is_published(room_of(room_id).nid)
    assert directory.is_published(room_of(new_id).nid)


def test_in_version_12_only_those_named_are_creators(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    room_id = alice.create_room(
        room_version="11",
        invite=[bob.user_id],
        power_level_content_override={"users": {alice.user_id: 100, bob.user_id: 100, carol.user_id: 50}},
    )
    new = state_of(upgrade(alice, room_id, "12", additional_creators=[bob.user_id, bob.user_id]))
    assert new["m.room.create", ""]["additional_creators"] == [bob.user_id]
    assert new["m.room.power_levels", ""]["users"] == {carol.user_id: 50}
    assert new["m.room.power_levels", ""]["events"]["m.room.tombstone"] > 50


def test_who_upgrades_has_no_more_power_afterwards(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(
        room_version="10",
        preset="public_chat",
        power_level_content_override={
            "users": {alice.user_id: 100, bob.user_id: 50},
            "events": {"m.room.tombstone": 50, "m.room.power_levels": 100, "m.room.server_acl": 100},
        },
    )
    bob.change(room_id, "join")
    levels = state_of(room_id)["m.room.power_levels", ""]
    new_id = upgrade(bob, room_id, "10")
    assert state_of(new_id)["m.room.power_levels", ""] == levels
    assert state_of(room_id)["m.room.power_levels", ""] == levels


def test_the_unentitled_upgrade_nothing(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    for client in (bob, carol):
        answer = client.post(f"/rooms/{room_id}/upgrade", {"new_version": "12"})
        assert answer.errcode == "M_FORBIDDEN"
    assert ("m.room.tombstone", "") not in state_of(room_id)


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"new_version": "99"}, "M_UNSUPPORTED_ROOM_VERSION"),
        ({"new_version": 12}, "M_BAD_JSON"),
        ({}, "M_MISSING_PARAM"),
        ({"new_version": "12", "additional_creators": ["bob"]}, "M_INVALID_PARAM"),
    ],
)
def test_bad_upgrades_are_refused(clients: ClientFactory, body: dict[str, Any], errcode: str) -> None:
    alice = clients.make()
    assert alice.post(f"/rooms/{alice.create_room()}/upgrade", body).errcode == errcode


def test_an_unknown_room_cannot_be_upgraded(clients: ClientFactory) -> None:
    answer = clients.make().post("/rooms/!unknown:hearth.example/upgrade", {"new_version": "12"})
    assert answer.errcode == "M_NOT_FOUND"


def test_join_rules_that_the_new_version_does_not_know_let_nobody_in(clients: ClientFactory) -> None:
    alice = clients.make()
    rule = [{"type": "m.room.join_rules", "content": {"join_rule": "restricted", "allow": []}}]
    room_id = alice.create_room(initial_state=rule)
    assert state_of(upgrade(alice, room_id, "7"))["m.room.join_rules", ""] == {"join_rule": "invite"}
    assert state_of(upgrade(alice, room_id, "9"))["m.room.join_rules", ""] == rule[0]["content"]


class TestPersonalSettings:
    """What a user set for the old room."""

    def settle(self, client: Client, room_id: str) -> None:
        nid, room = client.requester.user_nid, room_of(room_id).nid
        with db.write():
            account_data.put(nid, room, "m.tag", b'{"tags":{"m.favourite":{}}}')
            account_data.put(nid, room, "m.fully_read", b'{"event_id":"$x"}')
            direct = orjson.dumps({"@x:hearth.example": [room_id], "@y:hearth.example": []})
            account_data.put(nid, account_data.GLOBAL, "m.direct", direct)
        assert client.put(f"/pushrules/global/room/{room_id}", {"actions": []}).status in (200, 404)

    def check(self, client: Client, room_id: str, new_id: str) -> None:
        nid, new = client.requester.user_nid, room_of(new_id).nid
        assert account_data.get(nid, new, "m.tag") == b'{"tags":{"m.favourite":{}}}'
        assert account_data.get(nid, new, "m.fully_read") is None
        direct = orjson.loads(account_data.get(nid, account_data.GLOBAL, "m.direct") or b"")
        assert direct == {"@x:hearth.example": [room_id, new_id], "@y:hearth.example": []}

    def test_they_follow_who_upgrades_and_who_joins(self, clients: ClientFactory) -> None:
        alice, bob, carol = clients.many(3)
        room_id = alice.create_room(preset="public_chat")
        bob.change(room_id, "join")
        for client in (alice, bob):
            self.settle(client, room_id)
        new_id = upgrade(alice, room_id, "12")
        for client in (bob, carol):
            assert client.change(new_id, "join").status == 200
        for client in (alice, bob):
            self.check(client, room_id, new_id)
        assert account_data.of_rooms(carol.requester.user_nid, [room_of(new_id).nid]) == []

    def test_push_rules_follow(self, clients: ClientFactory) -> None:
        from matrix_app.services.push_rules import change_rules

        alice = clients.make()
        room_id = alice.create_room()
        rule = {"rule_id": room_id, "default": False, "enabled": True, "actions": []}
        change_rules(alice.requester.user_nid, lambda custom: {**custom, "rules": {"room": [rule]}})
        new_id = upgrade(alice, room_id, "12")
        rules = custom_of(alice.requester.user_nid)["rules"]["room"]
        assert {found["rule_id"] for found in rules} == {room_id, new_id}

    def test_nothing_follows_into_a_room_that_only_claims_to_replace_another(
        self, clients: ClientFactory
    ) -> None:
        alice, mallory = clients.many(2)
        room_id = alice.create_room(preset="public_chat", room_alias_name="pub", visibility="public")
        claim = {"predecessor": {"room_id": room_id}}
        fake = mallory.create_room(preset="public_chat", creation_content=claim)
        self.settle(alice, room_id)
        assert alice.change(fake, "join").status == 200
        assert account_data.get(alice.requester.user_nid, room_of(fake).nid, "m.tag") is None
        assert alice.get("/directory/room/%23pub:hearth.example").body["room_id"] == room_id
        assert directory.is_published(room_of(room_id).nid)
        assert membership_of(fake, alice.user_id) == "join"
