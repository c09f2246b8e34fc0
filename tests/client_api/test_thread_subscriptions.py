"""Subscriptions to threads."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories.client import Client, ClientFactory
from tests.factories.sliding import Follower

pytestmark = pytest.mark.django_db(transaction=True)

CHANGES = "/_matrix/client/unstable/io.element.msc4308/thread_subscriptions"
NAME = "io.element.msc4308.thread_subscriptions"
ON: dict[str, Any] = {"extensions": {NAME: {"enabled": True}}}


def _path(room_id: str, root: str) -> str:
    return f"/_matrix/client/unstable/io.element.msc4306/rooms/{room_id}/thread/{root}/subscription"


class Thread:
    """A thread in a room."""

    def __init__(self, owner: Client) -> None:
        self.owner = owner
        self.room_id = owner.create_room(preset="public_chat")
        self.root = owner.send(self.room_id, "root").body["event_id"]
        self.path = _path(self.room_id, self.root)

    def reply(self, text: str) -> str:
        """An event in the thread; its ID."""
        relation = {"rel_type": "m.thread", "event_id": self.root}
        content = {"msgtype": "m.text", "body": text, "m.relates_to": relation}
        answer = self.owner.put(f"/rooms/{self.room_id}/send/m.room.message/{text}", content)
        event_id: str = answer.body["event_id"]
        return event_id


def test_a_subscription_is_kept_until_it_is_ended(clients: ClientFactory) -> None:
    alice = clients.make()
    thread = Thread(alice)
    assert alice.get(thread.path).errcode == "M_NOT_FOUND"
    assert alice.put(thread.path, {}).status == 200
    assert alice.get(thread.path).body == {"automatic": False}
    for _ in range(2):
        assert alice.delete(thread.path).status == 200
        assert alice.get(thread.path).status == 404


def test_an_automatic_subscription_does_not_replace_a_wish(clients: ClientFactory) -> None:
    alice = clients.make()
    thread = Thread(alice)
    cause = thread.reply("one")
    alice.put(thread.path, {"automatic": cause})
    assert alice.get(thread.path).body == {"automatic": True}
    alice.put(thread.path, {})
    alice.put(thread.path, {"automatic": cause})
    assert alice.get(thread.path).body == {"automatic": False}


def test_only_what_came_after_unsubscribing_subscribes_again(clients: ClientFactory) -> None:
    alice = clients.make()
    thread = Thread(alice)
    old = thread.reply("old")
    alice.put(thread.path, {"automatic": old})
    alice.delete(thread.path)
    answer = alice.put(thread.path, {"automatic": old})
    assert (answer.status, answer.errcode) == (409, "IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION")
    assert alice.put(thread.path, {"automatic": thread.reply("new")}).status == 200


def test_what_is_not_in_the_thread_subscribes_nobody(clients: ClientFactory) -> None:
    alice = clients.make()
    thread = Thread(alice)
    other = alice.send(thread.room_id, "other").body["event_id"]
    answer = alice.put(thread.path, {"automatic": other})
    assert (answer.status, answer.errcode) == (400, "IO.ELEMENT.MSC4306.M_NOT_IN_THREAD")
    assert alice.put(thread.path, {"automatic": "$nothing"}).status == 404


def test_threads_of_rooms_that_one_is_not_in_do_not_exist(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    room_id = bob.create_room()
    root = bob.send(room_id, "root").body["event_id"]
    path = _path(room_id, root)
    for answer in (alice.put(path, {}), alice.get(path), alice.delete(path)):
        assert answer.errcode == "M_NOT_FOUND"


def _told(answer: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = answer["extensions"].get(NAME, {})
    return told


def test_sliding_sync_tells_of_changes(clients: ClientFactory) -> None:
    alice = clients.make()
    thread = Thread(alice)
    alice.put(thread.path, {})
    follower = Follower(alice, **ON)
    entry = _told(follower.sync())["subscribed"][thread.room_id][thread.root]
    assert entry["automatic"] is False
    assert _told(follower.sync()) == {}
    alice.delete(thread.path)
    told = _told(follower.sync())
    assert told["unsubscribed"][thread.room_id][thread.root]["bump_stamp"] > entry["bump_stamp"]
    assert "subscribed" not in told


def test_changes_that_are_too_many_are_found_page_by_page(clients: ClientFactory) -> None:
    alice = clients.make()
    threads = [Thread(alice) for _ in range(5)]
    follower = Follower(alice, extensions={NAME: {"enabled": True, "limit": 2}})
    follower.sync()
    start = follower.pos
    for thread in threads:
        alice.put(thread.path, {})
    told = _told(follower.sync())
    found = list(told["subscribed"])
    page = {"end": told["prev_batch"]}
    while "end" in page:
        page = alice.get(f"{CHANGES}?dir=b&limit=2&from={page['end']}&to={start}").body
        found += page["subscribed"]
    assert found == [thread.room_id for thread in reversed(threads)]


def test_a_page_of_changes_has_both_kinds_although_there_are_none(clients: ClientFactory) -> None:
    alice = clients.make()
    assert alice.get(f"{CHANGES}?dir=b").body == {"subscribed": {}, "unsubscribed": {}}
    thread = Thread(alice)
    alice.put(thread.path, {})
    page = alice.get(f"{CHANGES}?dir=b").body
    assert list(page["subscribed"]) == [thread.room_id]
    assert page["unsubscribed"] == {}
