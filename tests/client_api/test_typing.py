"""Typing notifications."""

from __future__ import annotations

from typing import Any

import orjson

from matrix_app.services import typing
from matrix_app.storage import db
from tests.factories.client import Client, ClientFactory
from tests.factories.sliding import Follower, room_list
from tests.factories.syncing import begin, follow, sync


def typists(client: Client, room_id: str, since: str) -> list[str] | None:
    """Who types, if a sync says so."""
    joined = sync(client, since).get("rooms", {}).get("join", {}).get(room_id, {})
    for event in joined.get("ephemeral", {}).get("events", []):
        if event["type"] == "m.typing":
            users: list[str] = event["content"]["user_ids"]
            return users
    return None


def room_of(alice: Client, bob: Client) -> str:
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    return room_id


def test_others_see_when_somebody_types_and_stops(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = room_of(alice, bob)
    path = f"/rooms/{room_id}/typing/{bob.user_id}"
    since = sync(alice)["next_batch"]
    assert bob.put(path, {"typing": True, "timeout": 30000}).body == {}
    assert typists(alice, room_id, since) == [bob.user_id]
    since = sync(alice)["next_batch"]
    bob.put(path, {"typing": False})
    assert typists(alice, room_id, since) == []


def test_who_comes_into_a_room_sees_who_types_there_already(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    alice.put(f"/rooms/{room_id}/typing/{alice.user_id}", {"typing": True, "timeout": 30000})
    since = sync(bob)["next_batch"]
    bob.change(room_id, "join")
    assert typists(bob, room_id, since) == [alice.user_id]


def test_nobody_sees_those_type_whom_they_ignore(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    room_id = room_of(alice, bob)
    carol.change(room_id, "join")
    ignored: dict[str, Any] = {"ignored_users": {bob.user_id: {}}}
    alice.put(f"/user/{alice.user_id}/account_data/m.ignored_user_list", ignored)
    since = sync(alice)["next_batch"]
    for client in (bob, carol):
        client.put(f"/rooms/{room_id}/typing/{client.user_id}", {"typing": True})
    assert typists(alice, room_id, since) == [carol.user_id]
    stream = orjson.loads(follow(begin(alice, "/events", **{"from": since})))
    shown = [event["content"]["user_ids"] for event in stream["chunk"] if event["type"] == "m.typing"]
    assert shown == [[carol.user_id]]
    follower = Follower(alice, lists={"all": room_list()}, extensions={"typing": {"enabled": True}})
    section = follower.sync()["extensions"]["typing"]["rooms"][room_id]
    assert section["content"] == {"user_ids": [carol.user_id]}


def test_going_on_to_type_tells_nobody_anew(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = room_of(alice, bob)
    path = f"/rooms/{room_id}/typing/{bob.user_id}"
    bob.put(path, {"typing": True})
    since = sync(alice)["next_batch"]
    bob.put(path, {"typing": True})
    assert sync(alice, since)["next_batch"] == since


def test_typing_ends_when_its_time_is_over_and_wakes_who_waits(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = room_of(alice, bob)
    bob.put(f"/rooms/{room_id}/typing/{bob.user_id}", {"typing": True})
    with db.write():
        db.execute("UPDATE typing SET expires_ts = 1")
    since = sync(alice)["next_batch"]
    waiting = begin(alice, since=since, timeout=1000)
    assert waiting.is_idle()
    assert typing.expire() == 1
    begin(bob)
    assert not waiting.is_idle()
    assert typists(alice, room_id, since) == []
    assert typing.expire() == 0


def test_leaving_the_room_ends_typing(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = room_of(alice, bob)
    bob.put(f"/rooms/{room_id}/typing/{bob.user_id}", {"typing": True})
    since = sync(alice)["next_batch"]
    bob.change(room_id, "leave")
    assert typists(alice, room_id, since) == []


def test_one_types_for_oneself_in_rooms_one_is_in(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    path = f"/rooms/{room_id}/typing"
    assert bob.put(f"{path}/{bob.user_id}", {"typing": True}).errcode == "M_FORBIDDEN"
    assert bob.put(f"{path}/{alice.user_id}", {"typing": True}).errcode == "M_FORBIDDEN"
    assert alice.put(f"{path}/{alice.user_id}", {}).errcode == "M_MISSING_PARAM"
