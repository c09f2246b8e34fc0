"""Rooms of other servers in the trees of spaces here, and their summaries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote, unquote

import pytest
from django.test import override_settings

from matrix_app.protocol.errors import NotFound, RemoteUnreachable
from matrix_app.services.remote_servers import RemoteQuestion
from matrix_app.services.room_summary import room_summary
from tests.factories.client import Client, ClientFactory

A, B, C = "!a:one.example", "!b:one.example", "!c:one.example"


def told(room_id: str, **more: Any) -> dict[str, Any]:
    """A room as its server describes it."""
    body = {"room_id": room_id, "num_joined_members": 3, "world_readable": False, "guest_can_join": False}
    return body | {"join_rule": "public", "name": f"name of {room_id}", **more}


def child(room_id: str, *via: str) -> dict[str, Any]:
    """What names a child."""
    content = {"via": list(via or ["one.example"])}
    return {"type": "m.space.child", "state_key": room_id, "sender": "@x:one.example",
            "content": content, "origin_server_ts": 1}  # fmt: skip


class Servers:
    """Servers that answer about their rooms."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], Any] = {}
        self.asked: list[tuple[str, str]] = []

    def tell(self, room: dict[str, Any], *children: Any, server: str = "one.example", **more: Any) -> None:
        """Let a server know a room, and rooms in it."""
        named = [child(entry["room_id"]) for entry in children]
        answer = {"room": {**room, "children_state": named}, "children": list(children)}
        self.answers[server, room["room_id"]] = answer | {"inaccessible_children": []} | more

    def request_all(self, questions: Sequence[RemoteQuestion], *, timeout: float) -> list[Any]:
        assert 0 < timeout <= 8
        return [self._answer(question) for question in questions]

    def _answer(self, question: RemoteQuestion) -> Any:
        key = question.destination, unquote(question.path.rpartition("/")[2])
        self.asked.append(key)
        return self.answers.get(key, RemoteUnreachable("gone"))


fake = Servers()


@pytest.fixture
def servers() -> Iterator[Servers]:
    fake.__init__()  # type: ignore[misc]
    with override_settings(REMOTE_SERVERS=f"{__name__}.fake"):
        yield fake


@pytest.fixture
def client(clients: ClientFactory) -> Client:
    return clients.make()


def space_with(client: Client, *children: dict[str, Any]) -> str:
    space = client.create_room(preset="public_chat", creation_content={"type": "m.space"})
    for entry in children:
        assert client.set_state(space, "m.space.child", entry["content"], entry["state_key"]).status == 200
    return space


def tree(client: Client, space: str, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/_matrix/client/v1/rooms/{quote(space)}/hierarchy{query}")
    assert answer.status == 200, answer
    rooms: list[dict[str, Any]] = answer.body["rooms"]
    return rooms


def test_children_that_only_other_servers_know_are_in_the_tree(servers: Servers, client: Client) -> None:
    servers.tell(told(A, room_version="12", org_example_extra=[1]))
    space = space_with(client, child(A))
    _, found = tree(client, space)
    assert found == {**told(A), "room_version": "12", "children_state": []}


def test_a_space_elsewhere_is_asked_for_itself_and_its_rooms_are_not(
    servers: Servers, client: Client
) -> None:
    inner = told(B, room_type="m.space")
    servers.tell(told(A, room_type="m.space"), inner, told("!plain:one.example"))
    servers.tell(inner, told(C))
    space = space_with(client, child(A))
    assert [room["room_id"] for room in tree(client, space)] == [space, A, B, C, "!plain:one.example"]
    assert servers.asked == [("one.example", A), ("one.example", B)]
    assert [room["room_id"] for room in tree(client, space, "?max_depth=1")] == [space, A]
    assert servers.asked == [("one.example", A), ("one.example", B)], "answers are good for a while"


def test_a_space_of_which_its_server_says_no_more_is_shown_without_what_is_in_it(
    servers: Servers, client: Client
) -> None:
    servers.tell(told(A, room_type="m.space"), told(B, room_type="m.space"))
    space = space_with(client, child(A))
    rooms = tree(client, space)
    assert [room["room_id"] for room in rooms] == [space, A, B]
    assert rooms[2]["children_state"] == []


def test_pages_of_rooms_elsewhere_give_each_once(servers: Servers, client: Client) -> None:
    rooms = [told(f"!{number}:one.example") for number in range(30)]
    servers.tell(told(A, room_type="m.space"), *rooms)
    space = space_with(client, child(A))
    found, query = [], "?limit=7"
    for _ in range(10):
        answer = client.get(f"/_matrix/client/v1/rooms/{quote(space)}/hierarchy{query}")
        found += [room["room_id"] for room in answer.body["rooms"]]
        if "next_batch" not in answer.body:
            break
        query = f"?limit=7&from={answer.body['next_batch']}"
    assert sorted(found) == sorted([space, A, *(room["room_id"] for room in rooms)])


def test_the_next_server_is_asked_where_one_says_nothing(servers: Servers, client: Client) -> None:
    servers.tell(told(A), server="two.example")
    space = space_with(client, child(A, "hearth.example", "not a name", "one.example", "two.example"))
    assert [room["room_id"] for room in tree(client, space)] == [space, A]
    assert servers.asked == [("one.example", A), ("two.example", A)]


def test_closed_rooms_are_left_out_unless_the_user_may_come_in(servers: Servers, client: Client) -> None:
    other = client.create_room()
    servers.tell(told(A, join_rule="invite"))
    servers.tell(told(B, join_rule="restricted", allowed_room_ids=[other]))
    servers.tell(told(C, join_rule="restricted", allowed_room_ids=["!unknown:one.example"]))
    space = space_with(client, child(A), child(B), child(C))
    assert [room["room_id"] for room in tree(client, space)] == [space, B]


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {},
        {"room": told(B), "children": []},
        {"room": {"room_id": A}, "children": []},
        {"room": told(A, num_joined_members=-1), "children": []},
        {"room": told(A), "children": None},
    ],
)
def test_an_answer_that_makes_no_sense_is_none(servers: Servers, client: Client, answer: Any) -> None:
    servers.answers["one.example", A] = answer
    space = space_with(client, child(A))
    assert [room["room_id"] for room in tree(client, space)] == [space]


def test_of_an_answer_only_what_has_the_right_form_is_shown(servers: Servers, client: Client) -> None:
    broken = [None, 7, {"room_id": 7}, {"room_id": B}, told(C, name=["no"], topic=7)]
    room = told(A, room_type="m.space") | {
        "children_state": [None, {}, child(C), {**child(B), "content": {}}]
    }
    servers.answers["one.example", A] = {"room": room, "children": broken, "inaccessible_children": 7}
    space = space_with(client, child(A))
    _, top, inner = tree(client, space)
    assert top["children_state"] == [child(C)]
    assert (inner["room_id"], "name" in inner, "topic" in inner) == (C, False, False)


def test_a_summary_comes_from_the_servers_that_are_named(servers: Servers, client: Client) -> None:
    servers.tell(told(A), server="two.example")
    path = f"/_matrix/client/v1/room_summary/{quote(A)}"
    assert client.get(path).status == 404
    answer = client.get(f"{path}?via=two.example&via=not%20a%20name")
    assert answer.body == {**told(A), "membership": "leave"}


def test_other_servers_are_not_asked_for_those_who_are_not_signed_in(
    servers: Servers, client: Client
) -> None:
    servers.tell(told(A))
    with pytest.raises(NotFound):
        room_summary(A, None, ["one.example"])
    assert servers.asked == []


def test_a_closed_room_elsewhere_has_no_summary(servers: Servers, client: Client) -> None:
    servers.tell(told(A, join_rule="invite"))
    answer = client.get(f"/_matrix/client/v1/room_summary/{quote(A)}")
    assert (answer.status, answer.errcode) == (404, "M_NOT_FOUND")
