"""Searching messages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.factories.client import Answer, Client, ClientFactory


def search(client: Client, term: str, token: str | None = None, **options: Any) -> Answer:
    """POST /search."""
    body = {"search_categories": {"room_events": {"search_term": term, **options}}}
    return client.post("/search" + (f"?next_batch={token}" if token else ""), body)


def found(answer: Answer) -> dict[str, Any]:
    """What was found."""
    assert answer.status == 200, answer
    result: dict[str, Any] = answer.body["search_categories"]["room_events"]
    return result


def bodies(answer: Answer) -> list[str]:
    """The texts of the results."""
    return [result["result"]["content"]["body"] for result in found(answer)["results"]]


def test_all_words_must_be_there_whatever_their_case_accents_or_endings(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    for text in ("Martians and men", "martian café", "men only", "火星人がいます"):
        alice.send(room_id, text)
    assert bodies(search(alice, "MARTIAN", order_by="recent")) == ["martian café", "Martians and men"]
    assert bodies(search(alice, "men martians")) == ["Martians and men"]
    assert bodies(search(alice, "Cafe")) == ["martian café"]
    assert bodies(search(alice, "星人")) == ["火星人がいます"]
    assert bodies(search(alice, "women")) == []
    assert bodies(search(alice, "'\"* AND :")) == ["Martians and men"]
    assert bodies(search(alice, "'\"* :")) == []
    result = found(search(alice, "martian"))
    assert sorted(result["highlights"]) == ["Martians", "martian"]
    assert result["count"] == 2


def test_names_and_topics_are_searched_by_their_keys(clients: ClientFactory) -> None:
    alice = clients.make()
    alice.create_room(name="Cheese shop", topic="Cheese to eat")
    assert len(found(search(alice, "cheese"))["results"]) == 2
    types = [r["result"]["type"] for r in found(search(alice, "cheese", keys=["content.name"]))["results"]]
    assert types == ["m.room.name"]
    assert found(search(alice, "cheese", keys=["content.body"]))["results"] == []


def test_only_what_the_user_may_see_is_found(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    alice.set_state(room_id, "m.room.history_visibility", {"history_visibility": "joined"})
    alice.send(room_id, "secret before")
    assert bodies(search(bob, "secret")) == []
    bob.change(room_id, "join")
    alice.send(room_id, "secret between")
    bob.change(room_id, "leave")
    alice.send(room_id, "secret after")
    assert bodies(search(bob, "secret")) == ["secret between"]
    assert len(bodies(search(alice, "secret"))) == 3


def test_encrypted_rooms_are_not_searched(clients: ClientFactory) -> None:
    alice = clients.make()
    plain, encrypted = alice.create_room(), alice.create_room()
    for room_id in (plain, encrypted):
        alice.send(room_id, "needle")
    alice.set_state(encrypted, "m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})
    results = found(search(alice, "needle"))["results"]
    assert [result["result"]["room_id"] for result in results] == [plain]
    assert bodies(search(alice, "needle", filter={"rooms": [encrypted]})) == []


def test_redacted_messages_are_no_longer_found(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    indexed = alice.send(room_id, "regret one").body["event_id"]
    assert bodies(search(alice, "regret")) == ["regret one"]
    waiting = alice.send(room_id, "regret two").body["event_id"]
    for number, event_id in enumerate((indexed, waiting)):
        alice.put(f"/rooms/{quote(room_id)}/redact/{event_id}/{number}", {})
    assert bodies(search(alice, "regret")) == []
    from matrix_app.storage import db, events

    nids = list(events.nids_by_id([indexed, waiting]).values())
    column = "rowid" if db.is_sqlite() else "event_nid"
    left = db.rows(f"SELECT 1 FROM event_search WHERE {db.in_any(column)}", (db.any_of(nids),))
    assert left == []


@pytest.mark.parametrize("order_by", ["rank", "recent"])
def test_pages_of_results_follow_one_another(clients: ClientFactory, order_by: str) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    sent = [f"word {number}" for number in range(7)]
    for text in sent:
        alice.send(room_id, text)
    options: dict[str, Any] = {"order_by": order_by, "filter": {"limit": 3}}
    page = search(alice, "word", **options)
    texts = bodies(page)
    alice.send(room_id, "word meanwhile")
    while "next_batch" in found(page):
        page = search(alice, "word", found(page)["next_batch"], **options)
        texts += bodies(page)
    assert texts == sent[::-1]
    assert search(alice, "word", "nonsense!").errcode == "M_INVALID_PARAM"


def test_results_are_grouped(clients: ClientFactory) -> None:
    alice = clients.make()
    one, two = alice.create_room(), alice.create_room()
    for room_id in (one, two, one, one):
        alice.send(room_id, "grouped")
    groupings = {"group_by": [{"key": "room_id"}, {"key": "sender"}]}
    options: dict[str, Any] = {"order_by": "recent", "filter": {"limit": 3}, "groupings": groupings}
    result = found(search(alice, "grouped", **options))
    by_room = result["groups"]["room_id"]
    assert [len(by_room[room_id]["results"]) for room_id in (one, two)] == [2, 1]
    assert "next_batch" not in by_room[two]
    rest = found(search(alice, "grouped", by_room[one]["next_batch"], **options))
    assert [entry["result"]["room_id"] for entry in rest["results"]] == [one]
    assert list(result["groups"]["sender"]) == [alice.user_id]


def test_results_come_with_context_profiles_and_state(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    name = {"membership": "join", "displayname": "Alice"}
    alice.set_state(room_id, "m.room.member", name, alice.user_id)
    for text in ("one", "two", "needle", "three", "four"):
        alice.send(room_id, text)
    context = {"before_limit": 1, "after_limit": 2, "include_profile": True}
    result = found(search(alice, "needle", event_context=context, include_state=True))
    around = result["results"][0]["context"]
    assert [event["content"]["body"] for event in around["events_before"]] == ["two"]
    assert [event["content"]["body"] for event in around["events_after"]] == ["three", "four"]
    assert around["profile_info"] == {alice.user_id: {"displayname": "Alice"}}
    assert any(event["type"] == "m.room.create" for event in result["state"][room_id])


def test_the_filter_names_rooms_and_their_predecessors(clients: ClientFactory) -> None:
    alice = clients.make()
    old, other = alice.create_room(), alice.create_room()
    for room_id in (old, other):
        alice.send(room_id, "upgraded")
    answer = alice.post(f"/rooms/{quote(old)}/upgrade", {"new_version": "11"})
    new = answer.body["replacement_room"]
    assert len(bodies(search(alice, "upgraded"))) == 2
    results = found(search(alice, "upgraded", filter={"rooms": [new]}))["results"]
    assert [entry["result"]["room_id"] for entry in results] == [old]
    assert bodies(search(alice, "upgraded", filter={"rooms": ["!nowhere:hearth.example"]})) == []
    results = found(search(alice, "upgraded", filter={"not_rooms": [old]}))["results"]
    assert [entry["result"]["room_id"] for entry in results] == [other]


def test_a_search_without_a_term_is_refused(clients: ClientFactory) -> None:
    alice = clients.make()
    assert alice.post("/search", {}).errcode == "M_MISSING_PARAM"
    assert alice.post("/search", {"search_categories": {"room_events": {}}}).errcode == "M_MISSING_PARAM"
    assert alice.post("/search", {"search_categories": {}}).body == {"search_categories": {}}
    assert search(alice, "x", order_by="luck").status == 400
    assert search(alice, "x", keys=["content.url"]).status == 400
    assert search(alice, "x", event_context={"before_limit": -1}).status == 400
