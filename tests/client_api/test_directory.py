"""The published room directory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from appliance.config import Config
from appliance.config.current import use_config
from matrix_app.services import directory
from tests.factories.client import Client, ClientFactory


def listed(client: Client, **body: Any) -> list[str]:
    answer = client.post("/publicRooms", body)
    assert answer.status == 200, answer
    return [room["room_id"] for room in answer.body["chunk"]]


@pytest.fixture
def unpublished(config: Config) -> Iterator[None]:
    """A server on which users publish no rooms."""
    rooms = msgspec.structs.replace(config.rooms, publication=False)
    with use_config(msgspec.structs.replace(config, rooms=rooms)):
        yield


def test_a_room_is_listed_with_what_it_shows_of_itself(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(
        visibility="public",
        name="Pub",
        topic="Beer",
        room_alias_name="pub",
        creation_content={"type": "m.space"},
        initial_state=[
            {"type": "m.room.history_visibility", "content": {"history_visibility": "world_readable"}},
            {"type": "m.room.guest_access", "content": {"guest_access": "can_join"}},
            {"type": "m.room.avatar", "content": {"url": "mxc://hearth.example/a"}},
        ],
    )
    alice.create_room()
    answer = alice.get("/publicRooms").body
    assert answer == {
        "chunk": [
            {
                "room_id": room_id,
                "name": "Pub",
                "topic": "Beer",
                "canonical_alias": "#pub:hearth.example",
                "avatar_url": "mxc://hearth.example/a",
                "room_type": "m.space",
                "join_rule": "public",
                "num_joined_members": 1,
                "world_readable": True,
                "guest_can_join": True,
            }
        ],
        "total_room_count_estimate": 1,
    }


def test_the_directory_is_paged_both_ways_most_members_first(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    rooms = [alice.create_room(visibility="public") for _ in range(7)]
    bob.change(rooms[3], "join")
    whole = listed(alice)
    assert whole == [rooms[3], *reversed(rooms[4:]), *reversed(rooms[:3])]
    pages, since = [], None
    while True:
        answer = alice.post("/publicRooms", {"limit": 3} | ({"since": since} if since else {})).body
        pages.append([room["room_id"] for room in answer["chunk"]])
        since = answer.get("next_batch")
        if since is None:
            break
    assert pages == [whole[:3], whole[3:6], whole[6:]]
    back = alice.post("/publicRooms", {"limit": 3, "since": answer["prev_batch"]}).body
    assert [room["room_id"] for room in back["chunk"]] == whole[3:6]
    back = alice.post("/publicRooms", {"limit": 3, "since": back["prev_batch"]}).body
    assert [room["room_id"] for room in back["chunk"]] == whole[:3]
    assert "prev_batch" not in back


def test_rooms_are_found_by_words_whatever_their_case(clients: ClientFactory) -> None:
    alice = clients.make()
    first = alice.create_room(visibility="public", name="Ärzte und Katzen")
    second = alice.create_room(visibility="public", topic="100% CATS_")
    alice.create_room(visibility="public", name="Dogs")

    def found(term: str) -> list[str]:
        return listed(alice, filter={"generic_search_term": term})

    assert found("katzen") == [first]
    assert found("ärzte") == [first]
    assert found("0% cats_") == [second]
    assert found("%") == [second]
    assert found("nothing") == []


def test_rooms_are_found_by_their_type(clients: ClientFactory) -> None:
    alice = clients.make()
    space = alice.create_room(visibility="public", creation_content={"type": "m.space"})
    plain = alice.create_room(visibility="public")
    assert listed(alice, filter={"room_types": ["m.space"]}) == [space]
    assert listed(alice, filter={"room_types": [None]}) == [plain]
    assert set(listed(alice, filter={"room_types": [None, "m.space"]})) == {space, plain}
    assert listed(alice, filter={"room_types": []}) == []


def test_moderators_list_a_room_and_take_it_off(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    path = f"/directory/list/room/{room_id}"
    bob.change(room_id, "join")
    assert bob.put(path, {"visibility": "public"}).errcode == "M_FORBIDDEN"
    assert alice.get(path).body == {"visibility": "private"}
    assert alice.put(path, {"visibility": "public"}).body == {}
    assert alice.get(path).body == {"visibility": "public"}
    assert listed(alice) == [room_id]
    assert alice.put(path, {"visibility": "private"}).status == 200
    assert listed(alice) == []
    assert alice.put(path, {"visibility": "hidden"}).errcode == "M_BAD_JSON"
    assert alice.get("/directory/list/room/!unknown:hearth.example").errcode == "M_NOT_FOUND"


@pytest.mark.usefixtures("unpublished")
def test_a_server_may_let_nobody_publish(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    answer = alice.put(f"/directory/list/room/{room_id}", {"visibility": "public"})
    assert answer.errcode == "M_FORBIDDEN"
    assert alice.post("/createRoom", {"visibility": "public"}).errcode == "M_FORBIDDEN"


def test_a_room_that_everybody_left_is_not_listed(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(visibility="public")
    alice.change(room_id, "leave")
    assert listed(alice) == []


def test_bad_requests_are_refused(clients: ClientFactory) -> None:
    alice = clients.make()
    assert alice.get("/publicRooms?since=nonsense").errcode == "M_INVALID_PARAM"
    for since in ("n1_x", f"n1_{'9' * 30}", f"p{'9' * 5000}_1"):
        assert alice.get(f"/publicRooms?since={since}").errcode == "M_INVALID_PARAM"
    assert alice.get("/publicRooms?limit=-1").errcode == "M_INVALID_PARAM"
    assert alice.post("/publicRooms", {"limit": -1}).errcode == "M_BAD_JSON"
    assert alice.get("/publicRooms?server=other.example").status == 404
    assert alice.get("/publicRooms?server=../other").errcode == "M_INVALID_PARAM"
    alice.token = ""
    assert alice.request("GET", "/publicRooms").status == 401


def test_the_lists_of_application_services_are_apart(clients: ClientFactory) -> None:
    alice = clients.make()
    bridge = replace(alice.requester, appservice_id="bridge")
    room_id = alice.create_room(preset="public_chat")
    directory.set_in_network(bridge, "irc", room_id, True)
    assert listed(alice) == []
    assert listed(alice, third_party_instance_id="bridge|irc") == [room_id]
    assert listed(alice, third_party_instance_id="bridge|xmpp") == []
    alice.put(f"/directory/list/room/{alice.create_room(preset='public_chat')}", {"visibility": "public"})
    assert listed(alice, third_party_instance_id="irc") == [], "not the server's own rooms"
    assert room_id in listed(alice, include_all_networks=True)
    directory.set_in_network(bridge, "irc", room_id, False)
    assert room_id not in listed(alice, include_all_networks=True)
    path = f"/directory/list/appservice/irc/{room_id}"
    assert alice.put(path, {"visibility": "public"}).errcode == "M_FORBIDDEN"
