"""History from before the join, and what it may show."""

from __future__ import annotations

import pytest

from tests.interop.people import Person, Refused, eventually
from tests.interop.rooms import become, common_room

pytestmark = pytest.mark.slow


def test_history_from_before_the_join_can_be_read(alice: Person, bob: Person, version: str) -> None:
    room = alice.create_room(version)
    said = [alice.say(room, f"{number}") for number in range(45)]
    alice.put("rooms", room, "redact", said[7], "slip", body={})
    bob.join(room, via=alice)
    own = alice.history(room, lambda events: events[-1]["type"] == "m.room.create")
    found = bob.history(room, lambda events: events[-1]["type"] == "m.room.create")
    ids = [event["event_id"] for event in found]
    assert [event_id for event_id in reversed(ids) if event_id in said] == said
    assert set(ids) == {event["event_id"] for event in own} - news(own, ids)
    assert {e["event_id"]: e["content"] for e in found}[said[7]] == {}
    assert bob.event(room, said[3])["content"]["body"] == "3"


def news(own: list[dict], found: list[str]) -> set[str]:
    """What has come since: nothing but the join can have."""
    missing = {event["event_id"] for event in own} - set(found)
    assert all(e["type"] == "m.room.member" for e in own if e["event_id"] in missing)
    return missing


def test_history_that_only_members_may_see_is_hidden_from_later_ones(
    alice: Person, bob: Person, version: str
) -> None:
    rule = {"type": "m.room.history_visibility", "state_key": "", "content": {"history_visibility": "joined"}}
    room = alice.create_room(version, initial_state=[rule])
    secret = alice.say(room, "secret")
    bob.join(room, via=alice)
    become(alice, room, bob, "join")
    shown = alice.say(room, "shown")
    bob.hears(room, shown)
    page = bob.get("rooms", room, "messages", dir="b", limit=100)
    assert secret not in [event["event_id"] for event in page["chunk"]]
    with pytest.raises(Refused):
        bob.event(room, secret)


def test_the_event_of_a_time_before_the_join_is_found_by_asking(alice: Person, bob: Person) -> None:
    room = alice.create_room("12")
    first = alice.say(room, "first")
    ts = alice.event(room, first)["origin_server_ts"]
    alice.set_state(room, "m.room.topic", {"topic": "later"})
    bob.join(room, via=alice)
    found = bob.ask(
        "GET", f"/_matrix/client/v1/rooms/{room}/timestamp_to_event", query={"ts": ts, "dir": "f"}
    )
    assert found["event_id"] == first
    assert found["origin_server_ts"] == ts


def test_relations_to_old_events_are_shown_with_them(alice: Person, bob: Person) -> None:
    room = common_room(alice, bob, "12")
    old = alice.say(room, "tea?")
    bob.hears(room, old)
    relation = {"rel_type": "m.annotation", "event_id": old, "key": "👍"}
    reaction = bob.put("rooms", room, "send", "m.reaction", "r", body={"m.relates_to": relation})["event_id"]
    edit = {
        "msgtype": "m.text", "body": "* coffee?", "m.new_content": {"msgtype": "m.text", "body": "coffee?"},
        "m.relates_to": {"rel_type": "m.replace", "event_id": old},
    }  # fmt: skip
    edited = alice.put("rooms", room, "send", "m.room.message", "e", body=edit)["event_id"]
    alice.hears(room, reaction)
    bob.hears(room, edited)
    shown = eventually(lambda: bob.event(room, old)["unsigned"].get("m.relations", {}).get("m.replace"))
    assert shown["event_id"] == edited
    path = f"/_matrix/client/v1/rooms/{room}/relations/{old}/m.annotation"
    assert [e["event_id"] for e in alice.ask("GET", path)["chunk"]] == [reaction]
