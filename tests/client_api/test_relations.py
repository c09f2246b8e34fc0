"""Events that relate to others, threads, and events by time."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.factories.client import Answer, Client, ClientFactory

_V1 = "/_matrix/client/v1"


def relate(client: Client, room_id: str, parent: str, rel_type: str, type: str = "m.room.message") -> str:
    """Send an event that relates to another; its ID."""
    content = {
        "m.relates_to": {"rel_type": rel_type, "event_id": parent, "key": "k"},
        "body": "b",
        "msgtype": "m.text",
    }
    relate.serial += 1  # type: ignore[attr-defined]
    answer = client.put(f"/rooms/{quote(room_id)}/send/{type}/r{relate.serial}", content)  # type: ignore[attr-defined]
    assert answer.status == 200, answer
    event_id: str = answer.body["event_id"]
    return event_id


relate.serial = 0  # type: ignore[attr-defined]


def relations(client: Client, room_id: str, parent: str, rest: str = "") -> Answer:
    """GET /relations."""
    return client.get(f"{_V1}/rooms/{quote(room_id)}/relations/{parent}{rest}")


def ids(answer: Answer) -> list[str]:
    """The IDs of a page."""
    assert answer.status == 200, answer
    return [event["event_id"] for event in answer.body["chunk"]]


def test_related_events_are_listed_newest_first(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    root = alice.send(room_id).body["event_id"]
    thread = relate(alice, room_id, root, "m.thread")
    reference = relate(alice, room_id, root, "m.reference", "org.example.note")
    assert ids(relations(alice, room_id, root)) == [reference, thread]
    assert ids(relations(alice, room_id, root, "?dir=f")) == [thread, reference]
    assert ids(relations(alice, room_id, root, "/m.thread")) == [thread]
    assert ids(relations(alice, room_id, root, "/m.reference/org.example.note")) == [reference]
    assert ids(relations(alice, room_id, root, "/m.reference/m.room.message")) == []
    assert "next_batch" not in relations(alice, room_id, root).body


@pytest.mark.parametrize("dir", ["b", "f"])
def test_pages_of_related_events_follow_one_another(clients: ClientFactory, dir: str) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    root = alice.send(room_id).body["event_id"]
    sent = [relate(alice, room_id, root, "m.thread") for _ in range(7)]
    found: list[str] = []
    page = relations(alice, room_id, root, f"?limit=3&dir={dir}")
    while True:
        found += ids(page)
        if "next_batch" not in page.body:
            break
        page = relations(alice, room_id, root, f"?limit=3&dir={dir}&from={page.body['next_batch']}")
        assert "prev_batch" in page.body
    assert found == (sent if dir == "f" else sent[::-1])


def test_recursion_finds_what_relates_to_the_related(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    root = alice.send(room_id).body["event_id"]
    reply = relate(alice, room_id, root, "m.thread")
    reaction = relate(alice, room_id, reply, "m.annotation", "m.reaction")
    assert ids(relations(alice, room_id, root)) == [reply]
    found = relations(alice, room_id, root, "?recurse=true")
    assert ids(found) == [reaction, reply]
    assert found.body["recursion_depth"] == 3
    assert relations(alice, room_id, root, "?recurse=false").body["recursion_depth"] == 0
    assert "recursion_depth" not in relations(alice, room_id, root).body
    assert ids(relations(alice, room_id, root, "/m.annotation?recurse=true")) == [reaction]


def test_the_parent_must_be_visible(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    root = alice.send(room_id).body["event_id"]
    assert relations(bob, room_id, root).errcode == "M_NOT_FOUND"
    assert relations(bob, "!nowhere:hearth.example", root).errcode == "M_NOT_FOUND"
    assert relations(alice, room_id, "$nothing").errcode == "M_NOT_FOUND"
    assert relations(alice, alice.create_room(), root).errcode == "M_NOT_FOUND"
    assert relations(alice, room_id, root, "?from=x").errcode == "M_INVALID_PARAM"


def threads(client: Client, room_id: str, query: str = "") -> Answer:
    """GET /threads."""
    return client.get(f"{_V1}/rooms/{quote(room_id)}/threads{query}")


def test_threads_come_by_their_latest_event(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    first, second, third = (alice.send(room_id).body["event_id"] for _ in range(3))
    for root in (first, second, third, first):
        relate(alice, room_id, root, "m.thread")
    latest = relate(bob, room_id, second, "m.thread")
    page = threads(alice, room_id, "?limit=2")
    assert ids(page) == [second, first]
    summary = page.body["chunk"][0]["unsigned"]["m.relations"]["m.thread"]
    assert summary["latest_event"]["event_id"] == latest
    page = threads(alice, room_id, f"?limit=2&from={page.body['next_batch']}")
    assert ids(page) == [third]
    assert "next_batch" not in page.body
    assert ids(threads(bob, room_id, "?include=participated")) == [second]
    assert len(ids(threads(alice, room_id, "?include=participated"))) == 3


def test_what_ignored_users_say_neither_makes_a_thread_nor_moves_it(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    first, second, third = (alice.send(room_id).body["event_id"] for _ in range(3))
    for root in (first, second):
        relate(alice, room_id, root, "m.thread")
    for root in (first, third):
        relate(bob, room_id, root, "m.thread")
    assert ids(threads(alice, room_id)) == [third, first, second]
    ignored: dict[str, Any] = {"ignored_users": {bob.user_id: {}}}
    alice.put(f"/user/{alice.user_id}/account_data/m.ignored_user_list", ignored)
    assert ids(threads(alice, room_id)) == [second, first]


@pytest.mark.parametrize("rel_type", ["m.thread", "m.reference", "m.replace"])
def test_what_relates_to_an_event_of_another_room_is_no_part_of_it(
    clients: ClientFactory, rel_type: str
) -> None:
    alice = clients.make()
    one, other = alice.create_room(), alice.create_room()
    root = alice.send(one).body["event_id"]
    content = {
        "msgtype": "m.text",
        "body": "elsewhere",
        "m.new_content": {"msgtype": "m.text", "body": "elsewhere"},
        "m.relates_to": {"rel_type": rel_type, "event_id": root},
    }
    assert alice.put(f"/rooms/{quote(other)}/send/m.room.message/x", content).status == 200
    event = alice.get(f"/rooms/{quote(one)}/event/{root}").body
    assert "m.relations" not in event["unsigned"]
    assert ids(threads(alice, one)) == ids(threads(alice, other)) == []


def test_a_redacted_reply_gives_the_thread_back_its_place_and_its_sender_no_part_in_it(
    clients: ClientFactory,
) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    first, second = (alice.send(room_id).body["event_id"] for _ in range(2))
    for root in (first, second):
        relate(alice, room_id, root, "m.thread")
    gone = relate(bob, room_id, first, "m.thread")
    assert ids(threads(bob, room_id, "?include=participated")) == [first]
    alice.put(f"/rooms/{quote(room_id)}/redact/{gone}/x", {})
    assert ids(threads(alice, room_id)) == [second, first]
    assert ids(threads(bob, room_id, "?include=participated")) == []
    summary = bob.get(f"/rooms/{quote(room_id)}/event/{first}").body["unsigned"]["m.relations"]["m.thread"]
    assert summary["current_user_participated"] is False


def test_a_redacted_reply_no_longer_counts(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    root = alice.send(room_id).body["event_id"]
    kept, gone = (relate(alice, room_id, root, "m.thread") for _ in range(2))
    alice.put(f"/rooms/{quote(room_id)}/redact/{gone}/x", {})
    (event,) = threads(alice, room_id).body["chunk"]
    summary = event["unsigned"]["m.relations"]["m.thread"]
    assert summary["latest_event"]["event_id"] == kept
    assert summary["count"] == 1


@pytest.mark.parametrize("query", ["?include=some", "?from=x", "?limit=many", "?limit=0"])
def test_bad_parameters_of_threads_are_refused(clients: ClientFactory, query: str) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    assert threads(alice, room_id, query).errcode == "M_INVALID_PARAM"
    assert threads(bob, room_id).status == 403


def test_who_was_banned_sees_no_threads_but_those_that_anybody_sees(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    alice.change(room_id, "ban", user_id=bob.user_id)
    assert threads(bob, room_id).errcode == "M_FORBIDDEN"
    alice.set_state(room_id, "m.room.history_visibility", {"history_visibility": "world_readable"})
    assert threads(bob, room_id).status == 200


def test_the_event_closest_to_a_time_is_found(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    events: list[dict[str, Any]] = []
    for _ in range(3):
        event_id = alice.send(room_id).body["event_id"]
        events.append(alice.get(f"/events/{event_id}").body)
    path = f"{_V1}/rooms/{quote(room_id)}/timestamp_to_event"
    last, now = events[-1], events[-1]["origin_server_ts"]
    expected = {"event_id": last["event_id"], "origin_server_ts": now}
    assert alice.get(f"{path}?ts={now + 1000}&dir=b").body == expected
    assert alice.get(f"{path}?ts=0&dir=f").body["event_id"] != last["event_id"]
    assert alice.get(f"{path}?ts={now + 1000}&dir=f").errcode == "M_NOT_FOUND"
    assert alice.get(f"{path}?ts=0&dir=b").errcode == "M_NOT_FOUND"
    assert alice.get(f"{path}?dir=b").errcode == "M_MISSING_PARAM"
    assert bob.get(f"{path}?ts=0&dir=f").status == 403
