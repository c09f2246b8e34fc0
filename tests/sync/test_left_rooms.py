"""What /sync tells of rooms that a user is not in any more."""

from typing import Any

import pytest

from tests.factories.client import Client, ClientFactory
from tests.factories.syncing import sync

pytestmark = pytest.mark.django_db(transaction=True)

_INCLUDE_LEAVE = '{"room":{"include_leave":true}}'


def left_room(client: Client, room_id: str, since: str | None = None, **query: Any) -> dict[str, Any]:
    """A room of the section `leave`."""
    room: dict[str, Any] = sync(client, since, **query)["rooms"]["leave"][room_id]
    return room


def shown(room: dict[str, Any]) -> list[dict[str, Any]]:
    """All events of a room."""
    return [*room["state"]["events"], *room["timeline"]["events"]]


def words(room: dict[str, Any]) -> list[Any]:
    """The topics and memberships that a room's events give."""
    contents = [event["content"] for event in shown(room)]
    return [content.get("topic") or content.get("membership") for content in contents]


@pytest.mark.parametrize("query", [{"filter": _INCLUDE_LEAVE}, {"full_state": "true"}, {}])
def test_who_turned_an_invite_down_learns_nothing_of_the_room(
    clients: ClientFactory, query: dict[str, str]
) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="private_chat", topic="secret", invite=[bob.user_id])
    since = None if "filter" in query else sync(bob)["next_batch"]
    alice.set_state(room_id, "m.room.topic", {"topic": "more secret"})
    bob.change(room_id, "leave")
    assert words(left_room(bob, room_id, since, **query)) == ["leave"]


def test_who_was_banned_without_having_been_there_learns_nothing_of_the_room(
    clients: ClientFactory,
) -> None:
    alice, bob = clients.many(2)
    since = sync(bob)["next_batch"]
    room_id = alice.create_room(preset="private_chat", topic="secret")
    alice.change(room_id, "ban", user_id=bob.user_id)
    assert words(left_room(bob, room_id, since)) == ["ban"]
    assert words(left_room(bob, room_id, filter=_INCLUDE_LEAVE)) == ["ban"]


def test_who_left_and_was_banned_later_learns_nothing_of_what_came_between(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat", topic="known")
    bob.change(room_id, "join")
    start = sync(bob)["next_batch"]
    bob.change(room_id, "leave")
    since = sync(bob)["next_batch"]
    alice.set_state(room_id, "m.room.topic", {"topic": "secret"})
    alice.change(room_id, "ban", user_id=bob.user_id)
    assert words(left_room(bob, room_id, since)) == ["ban"]
    assert words(left_room(bob, room_id, start)) == ["leave", "ban"]
    every = words(left_room(bob, room_id, filter=_INCLUDE_LEAVE))
    assert "secret" not in every
    assert "known" in every
    assert every[-2:] == ["leave", "ban"]


def test_the_state_after_a_ban_that_followed_the_leaving_is_that_of_the_leaving(
    clients: ClientFactory,
) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat", topic="known")
    bob.change(room_id, "join")
    bob.change(room_id, "leave")
    alice.set_state(room_id, "m.room.topic", {"topic": "secret"})
    alice.change(room_id, "ban", user_id=bob.user_id)
    room = left_room(bob, room_id, filter=_INCLUDE_LEAVE, use_state_after="true")
    topics = [event["content"].get("topic") for event in room["state_after"]["events"]]
    assert [topic for topic in topics if topic] == ["known"]


def test_an_invite_that_was_turned_down_obeys_the_filter_of_the_timeline(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(invite=[bob.user_id])
    since = sync(bob)["next_batch"]
    bob.change(room_id, "leave")
    for wanted in ('{"not_types":["m.room.member"]}', '{"limit":0}'):
        room = left_room(bob, room_id, since, filter=f'{{"room":{{"timeline":{wanted}}}}}')
        assert room["timeline"]["events"] == []
