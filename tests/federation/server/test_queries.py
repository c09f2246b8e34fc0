"""What servers ask of users, aliases, directories and spaces."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from appliance.config import Config
from appliance.config.current import use_config
from tests.factories.client import Client, ClientFactory
from tests.factories.encryption import CrossSigning
from tests.factories.settings import settings
from tests.factories.visiting_server import VisitingServer


def test_a_profile_and_a_field_of_it_are_told(remote: VisitingServer, alice: Client) -> None:
    alice.put(f"/profile/{alice.user_id}/displayname", {"displayname": "Alice"})
    asked = ("v1", "query", "profile")
    assert remote.get(*asked, user_id=alice.user_id).body == {"displayname": "Alice"}
    assert remote.get(*asked, user_id=alice.user_id, field="displayname").body == {"displayname": "Alice"}
    assert remote.get(*asked, user_id=alice.user_id, field="avatar_url").body == {}
    assert remote.get(*asked, user_id=alice.user_id, field="org.example").status == 404
    assert remote.get(*asked, user_id="@nobody:hearth.example").status == 404
    assert remote.get(*asked, user_id="@bob:remote.example").errcode == "M_INVALID_PARAM"
    assert remote.get(*asked, user_id="alice").errcode == "M_INVALID_PARAM"
    assert remote.get(*asked).errcode == "M_MISSING_PARAM"


def test_an_alias_leads_to_a_room_and_its_servers(remote: VisitingServer, alice: Client) -> None:
    room_id = alice.create_room(preset="public_chat", room_alias_name="kitchen")
    remote.join(room_id, remote.user("bob"))
    body = remote.get("v1", "query", "directory", room_alias="#kitchen:hearth.example").body
    assert body == {"room_id": room_id, "servers": ["hearth.example", "remote.example"]}
    assert remote.get("v1", "query", "directory", room_alias="#none:hearth.example").status == 404
    assert remote.get("v1", "query", "directory", room_alias="kitchen").errcode == "M_INVALID_PARAM"
    assert remote.get("v1", "query", "weather").errcode == "M_UNRECOGNIZED"


def test_the_directory_is_told_where_that_is_configured(
    remote: VisitingServer, alice: Client, config: Config
) -> None:
    room_id = alice.create_room(preset="public_chat", visibility="public", name="Kitchen")
    alice.create_room(preset="public_chat", visibility="public", creation_content={"m.federate": False})
    assert remote.get("v1", "publicRooms").status == 403
    rooms = msgspec.structs.replace(config.rooms, public_directory_over_federation=True)
    with use_config(msgspec.structs.replace(config, rooms=rooms)):
        for answer in (
            remote.get("v1", "publicRooms"),
            remote.get("v1", "publicRooms", limit="5"),
            remote.post({"filter": {"generic_search_term": "kitchen"}}, "v1", "publicRooms"),
        ):
            assert [chunk["room_id"] for chunk in answer.body["chunk"]] == [room_id]


class Space:
    """A space of Alice with rooms in it."""

    def __init__(self, alice: Client, **fields: Any) -> None:
        self.alice = alice
        self.room_id = self.make(creation_content={"type": "m.space"}, **fields)

    def make(self, *, join_rule: str = "public", allow: str | None = None, **fields: Any) -> str:
        room_id = self.alice.create_room(room_version="10", **fields)
        content: dict[str, Any] = {"join_rule": join_rule}
        if allow is not None:
            content["allow"] = [{"type": "m.room_membership", "room_id": allow}]
        self.alice.set_state(room_id, "m.room.join_rules", content)
        return room_id

    def add(self, room_id: str, **content: Any) -> str:
        child = {"via": ["hearth.example"], **content}
        self.alice.set_state(self.room_id, "m.space.child", child, room_id)
        return room_id

    def seen_by(self, remote: VisitingServer, **query: str) -> Any:
        return remote.get("v1", "hierarchy", self.room_id, **query)


def test_a_space_is_told_with_those_children_that_the_server_could_see(
    remote: VisitingServer, alice: Client
) -> None:
    space = Space(alice)
    public = space.add(space.make(), suggested=True)
    private = space.add(space.make(join_rule="invite"))
    restricted = space.add(space.make(join_rule="restricted", allow=space.room_id))
    space.add("!elsewhere:third.example")
    body = space.seen_by(remote).body
    assert body["room"]["room_id"] == space.room_id
    assert len(body["room"]["children_state"]) == 4
    assert [child["room_id"] for child in body["children"]] == [public]
    assert set(body["inaccessible_children"]) == {private, restricted}
    remote.join(space.room_id, remote.user("bob"))
    body = space.seen_by(remote).body
    assert {child["room_id"] for child in body["children"]} == {public, restricted}
    suggested = space.seen_by(remote, suggested_only="true").body
    assert [child["room_id"] for child in suggested["children"]] == [public]
    assert suggested["inaccessible_children"] == []


def test_a_space_that_the_server_could_not_see_is_not_found(remote: VisitingServer, alice: Client) -> None:
    answer = Space(
        alice,
    ).seen_by(remote)
    assert answer.status == 200
    space = Space(alice)
    alice.set_state(space.room_id, "m.room.join_rules", {"join_rule": "invite"})
    answer = space.seen_by(remote)
    assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")
    assert remote.get("v1", "hierarchy", "!nowhere:hearth.example").status == 404


def device_keys(client: Client) -> dict[str, Any]:
    return {
        "user_id": client.user_id,
        "device_id": "DEVICE",
        "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
        "keys": {"curve25519:DEVICE": "abc", "ed25519:DEVICE": "def"},
        "signatures": {client.user_id: {"ed25519:DEVICE": "ghi"}},
    }


@pytest.fixture
def encrypting(alice: Client) -> Client:
    """Alice with the keys of her device and a one-time key."""
    body = {"device_keys": device_keys(alice), "one_time_keys": {"curve25519:A": "one"}}
    assert alice.post("/keys/upload", body).status == 200
    return alice


def test_devices_are_listed_with_their_keys(remote: VisitingServer, encrypting: Client) -> None:
    body = remote.get("v1", "user", "devices", encrypting.user_id).body
    assert body["user_id"] == encrypting.user_id
    assert body["stream_id"] > 0
    (device,) = body["devices"]
    assert device["device_id"] == "DEVICE"
    assert device["keys"]["keys"] == device_keys(encrypting)["keys"]
    assert remote.get("v1", "user", "devices", "@nobody:hearth.example").status == 404
    assert remote.get("v1", "user", "devices", "@bob:remote.example").errcode == "M_INVALID_PARAM"


def test_the_stream_id_of_devices_grows_with_each_change(remote: VisitingServer, encrypting: Client) -> None:
    before = remote.get("v1", "user", "devices", encrypting.user_id).body["stream_id"]
    encrypting.put("/devices/DEVICE", {"display_name": "Phone"})
    body = remote.get("v1", "user", "devices", encrypting.user_id).body
    assert body["stream_id"] > before


def test_cross_signing_keys_are_told_and_do_not_count_as_changes_of_devices(
    remote: VisitingServer, encrypting: Client
) -> None:
    before = remote.get("v1", "user", "devices", encrypting.user_id).body
    signing = CrossSigning(encrypting)
    signing.upload()
    after = remote.get("v1", "user", "devices", encrypting.user_id).body
    # The next update of a device follows on the last one, whatever became of other keys meanwhile.
    assert after["stream_id"] == before["stream_id"]
    assert after["master_key"] == signing.master_key
    assert after["self_signing_key"] == signing.self_signing_key


@pytest.mark.parametrize("told", [False, True])
def test_names_of_devices_are_told_as_the_configuration_says(
    remote: VisitingServer, encrypting: Client, told: bool
) -> None:
    encrypting.put("/devices/DEVICE", {"display_name": "Phone"})
    with settings(federation={"tell_device_names": told}):
        (device,) = remote.get("v1", "user", "devices", encrypting.user_id).body["devices"]
        wanted: list[str] = []
        keys = remote.post({"device_keys": {encrypting.user_id: wanted}}, "v1", "user", "keys", "query").body[
            "device_keys"
        ]
    assert device.get("device_display_name") == ("Phone" if told else None)
    unsigned = keys[encrypting.user_id]["DEVICE"]["unsigned"]
    assert unsigned == ({"device_display_name": "Phone"} if told else {})


def test_keys_are_told(remote: VisitingServer, encrypting: Client) -> None:
    body = remote.post({"device_keys": {encrypting.user_id: []}}, "v1", "user", "keys", "query").body
    assert body["device_keys"][encrypting.user_id]["DEVICE"]["keys"] == device_keys(encrypting)["keys"]
    assert (
        remote.post({"device_keys": {"@b:remote.example": []}}, "v1", "user", "keys", "query").status == 400
    )
    assert remote.post({}, "v1", "user", "keys", "query").errcode == "M_MISSING_PARAM"


def test_a_one_time_key_is_given_once(remote: VisitingServer, encrypting: Client) -> None:
    wanted = {"one_time_keys": {encrypting.user_id: {"DEVICE": "curve25519"}}}
    answers = [remote.post(wanted, "v1", "user", "keys", "claim").body["one_time_keys"] for _ in range(2)]
    assert answers == [{encrypting.user_id: {"DEVICE": {"curve25519:A": "one"}}}, {}]
    foreign = {"one_time_keys": {"@b:remote.example": {"DEVICE": "curve25519"}}}
    assert remote.post(foreign, "v1", "user", "keys", "claim").errcode == "M_INVALID_PARAM"


def test_only_servers_may_ask(clients: ClientFactory, alice: Client) -> None:
    answer = alice.get(f"/_matrix/federation/v1/query/profile?user_id={alice.user_id}")
    assert (answer.status, answer.errcode) == (401, "M_UNAUTHORIZED")
