"""What servers ask each other outside of rooms: profiles, aliases, directories, spaces, OpenID tokens."""

from __future__ import annotations

import json
import ssl
import urllib.request

import pytest

from tests.interop.conftest import Pair
from tests.interop.people import Person, Refused, eventually
from tests.interop.rooms import become, common_room

pytestmark = pytest.mark.slow


def test_profiles_can_be_read_from_the_other_server(alice: Person, bob: Person) -> None:
    for owner, reader in ((alice, bob), (bob, alice)):
        owner.put("profile", owner.user_id, "displayname", body={"displayname": "Ann ♥"})
        owner.put("profile", owner.user_id, "avatar_url", body={"avatar_url": "mxc://example.org/a"})
        profile = reader.get("profile", owner.user_id)
        assert (profile["displayname"], profile["avatar_url"]) == ("Ann ♥", "mxc://example.org/a")
        assert reader.get("profile", owner.user_id, "displayname") == {"displayname": "Ann ♥"}
        with pytest.raises(Refused) as refusal:
            reader.get("profile", f"@nobody:{owner.server_name}")
        assert refusal.value.status == 404


def test_a_new_name_appears_in_rooms_at_the_other_server(alice: Person, bob: Person) -> None:
    room = common_room(alice, bob, "12")
    for owner, reader in ((alice, bob), (bob, alice)):
        owner.put("profile", owner.user_id, "displayname", body={"displayname": "New name"})
        eventually(
            lambda: (
                reader.state_content(room, "m.room.member", owner.user_id)["displayname"]  # noqa: B023
                == "New name"
            )
        )


def test_a_room_can_be_joined_by_the_alias_of_its_server(alice: Person, bob: Person) -> None:
    room = alice.create_room("12", room_alias_name=f"tea-{alice.user_id[1:12]}")
    alias = f"#tea-{alice.user_id[1:12]}:{alice.server_name}"
    found = bob.get("directory", "room", alias)
    assert found["room_id"] == room
    assert alice.server_name in found["servers"]
    bob.join(alias)
    become(alice, room, bob, "join")
    with pytest.raises(Refused) as refusal:
        bob.get("directory", "room", f"#nothing:{alice.server_name}")
    assert refusal.value.status == 404


def test_published_rooms_are_found_in_the_directory_of_their_server(alice: Person, bob: Person) -> None:
    title = f"Tea of {alice.user_id}"
    room = alice.create_room("12", name=title, topic="Oolong", visibility="public")
    body = {"filter": {"generic_search_term": title}, "limit": 5}

    def found() -> bool:
        chunk = bob.post("publicRooms", body=body, server=alice.server_name)["chunk"]
        return [(entry["room_id"], entry["topic"]) for entry in chunk] == [(room, "Oolong")]

    # Synapse counts what its rooms are like in the background.
    eventually(found)
    listed = bob.get("publicRooms", server=alice.server_name, limit=1)
    assert len(listed["chunk"]) == 1
    nothing = bob.post(
        "publicRooms", body={"filter": {"generic_search_term": "no such room"}}, server=alice.server_name
    )
    assert nothing["chunk"] == []


def test_a_space_can_be_looked_into_from_the_other_server(alice: Person, bob: Person) -> None:
    space = alice.create_room("12", name="House", creation_content={"type": "m.space"})
    children = [alice.create_room("12", name=name) for name in ("Kitchen", "Cellar")]
    hidden = alice.create_room("12", name="Safe", preset="private_chat")
    for child in (*children, hidden):
        alice.set_state(space, "m.space.child", {"via": [alice.server_name]}, child)
    own = bob.create_room("12", name="Of Bob's", creation_content={"type": "m.space"})
    bob.set_state(own, "m.space.child", {"via": [alice.server_name]}, space)
    found = bob.ask("GET", f"/_matrix/client/v1/rooms/{own}/hierarchy")
    names = {entry["room_id"]: entry.get("name") for entry in found["rooms"]}
    assert names == {own: "Of Bob's", space: "House", children[0]: "Kitchen", children[1]: "Cellar"}


def test_a_room_of_the_other_server_can_be_previewed(alice: Person, bob: Person) -> None:
    room = alice.create_room("12", name="Parlour", topic="Tea")
    query = {"via": [alice.server_name]}
    found = bob.ask("GET", f"/_matrix/client/v1/room_summary/{room}", query=query)
    assert (found["room_id"], found["name"], found["join_rule"]) == (room, "Parlour", "public")
    assert found["room_version"] == "12"


def test_openid_tokens_tell_who_their_owner_is(pair: Pair, alice: Person, bob: Person) -> None:
    context = ssl.create_default_context(cafile=pair.neighbourhood.ca_file)
    for owner in (alice, bob):
        token = owner.post("user", owner.user_id, "openid", "request_token")
        assert token["matrix_server_name"] == owner.server_name
        url = f"https://{owner.server_name}/_matrix/federation/v1/openid/userinfo?access_token="
        with urllib.request.urlopen(url + token["access_token"], context=context, timeout=10) as answer:
            assert json.load(answer) == {"sub": owner.user_id}
