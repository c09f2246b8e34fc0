"""Filters of /sync, section by section."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from matrix_app.protocol.errors import InvalidParam
from tests.factories.client import Client, ClientFactory
from tests.factories.syncing import bodies, sync, timeline

pytestmark = pytest.mark.django_db(transaction=True)


def filtered(client: Client, since: str | None = None, **room: Any) -> dict[str, Any]:
    """The body of a sync with a filter of rooms."""
    return sync(client, since, filter=orjson.dumps({"room": room}).decode())


@pytest.mark.parametrize("wanted", [{"not_rooms": ["GARDEN"]}, {"rooms": ["!other:test"]}])
def test_the_timeline_of_a_room_that_its_filter_leaves_out_is_empty(
    clients: ClientFactory, wanted: dict[str, list[str]]
) -> None:
    alice = clients.make()
    garden, cellar = alice.create_room(), alice.create_room()
    names = {key: [garden if room == "GARDEN" else cellar for room in rooms] for key, rooms in wanted.items()}
    since = sync(alice)["next_batch"]
    alice.send(garden, "in the garden")
    alice.send(cellar, "in the cellar")
    for start in (None, since):
        body = filtered(alice, start, timeline=names)
        assert bodies(body, cellar) == ["in the cellar"]
        shown = body["rooms"]["join"].get(garden, {"timeline": {"events": []}})
        assert shown["timeline"]["events"] == []


def test_the_state_of_a_room_that_its_filter_leaves_out_is_empty(clients: ClientFactory) -> None:
    alice = clients.make()
    garden, cellar = alice.create_room(), alice.create_room()
    body = filtered(alice, state={"not_rooms": [garden]}, timeline={"limit": 1})
    assert body["rooms"]["join"][garden]["state"]["events"] == []
    assert body["rooms"]["join"][cellar]["state"]["events"]


def test_state_is_filtered_by_whether_it_has_a_url(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    alice.set_state(room_id, "m.room.avatar", {"url": "mxc://test/picture"})
    alice.send(room_id)
    shown = {
        has: filtered(alice, state={"contains_url": has}, timeline={"limit": 1})["rooms"]["join"][room_id]
        for has in (True, False)
    }
    types = {has: {event["type"] for event in room["state"]["events"]} for has, room in shown.items()}
    assert types[True] == {"m.room.avatar"}
    assert "m.room.create" in types[False]
    assert "m.room.avatar" not in types[False]


def test_an_empty_filter_is_none_and_space_around_one_is_nothing(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    assert list(sync(alice, filter="")["rooms"]["join"]) == [room_id]
    assert "rooms" not in sync(alice, filter=' {"room":{"rooms":[]}}')


@pytest.mark.parametrize("filter_id", ["7", "9" * 23, "\u00b2", "-1", "1_0", "nonsense"])
def test_an_id_that_no_filter_has_is_refused(clients: ClientFactory, filter_id: str) -> None:
    with pytest.raises(InvalidParam):
        sync(clients.make(), filter=filter_id)


def test_a_timeline_can_be_of_the_roots_of_threads_alone(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    root_id = alice.send(room_id, "root").body["event_id"]
    alice.send(room_id, "something else")
    relation = {"rel_type": "m.thread", "event_id": root_id}
    content = {"msgtype": "m.text", "body": "reply", "m.relates_to": relation}
    alice.put(f"/rooms/{room_id}/send/m.room.message/reply", content)
    for wanted in ({"related_by_rel_types": ["m.thread"]}, {"related_by_senders": [alice.user_id]}):
        shown = timeline(filtered(alice, timeline=wanted), room_id)
        assert [event["event_id"] for event in shown] == [root_id]


def test_account_data_and_typing_are_filtered_by_room(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    alice.put(f"/user/{alice.user_id}/rooms/{room_id}/account_data/colour", {"is": "green"})
    alice.put(f"/rooms/{room_id}/typing/{alice.user_id}", {"typing": True})
    shown = sync(alice)["rooms"]["join"][room_id]
    assert shown["account_data"]["events"]
    assert shown["ephemeral"]["events"]
    left_out = {"not_rooms": [room_id]}
    hidden = filtered(alice, account_data=left_out, ephemeral=left_out)["rooms"]["join"][room_id]
    assert hidden["account_data"]["events"] == hidden["ephemeral"]["events"] == []


def test_account_data_of_a_room_that_was_left_is_filtered_by_type(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    for name in ("colour", "shape"):
        alice.put(f"/user/{alice.user_id}/rooms/{room_id}/account_data/{name}", {})
    alice.change(room_id, "leave")
    body = filtered(alice, include_leave=True, account_data={"types": ["shape"]})
    assert [entry["type"] for entry in body["rooms"]["leave"][room_id]["account_data"]["events"]] == ["shape"]


def test_what_a_filter_hides_of_a_room_that_was_left_is_in_its_state(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    alice.set_state(room_id, "m.own", {"value": 1})
    alice.send(room_id, "hello")
    alice.set_state(room_id, "m.own", {"value": 2})
    alice.change(room_id, "leave")
    for wanted in ({"types": ["m.room.message"], "limit": 1}, {"limit": 20}, {"limit": 2}):
        room = filtered(alice, include_leave=True, timeline=wanted)["rooms"]["leave"][room_id]
        known: dict[tuple[str, str], Any] = {}
        for event in room["state"]["events"] + room["timeline"]["events"]:
            if "state_key" in event:
                assert (event["type"], event["state_key"]) not in known or event in room["timeline"]["events"]
                known[event["type"], event["state_key"]] = event["content"]
        assert known["m.own", ""] == {"value": 2}
        assert known["m.room.member", alice.user_id] == {"membership": "leave"}


def test_a_timeline_is_filtered_by_the_url_that_is_left_after_a_redaction(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    since = sync(alice)["next_batch"]
    content = {"msgtype": "m.image", "body": "picture", "url": "mxc://test/picture"}
    event_id = alice.put(f"/rooms/{room_id}/send/m.room.message/picture", content).body["event_id"]
    alice.put(f"/rooms/{room_id}/redact/{event_id}/redaction", {})
    shown = filtered(alice, since, timeline={"contains_url": False})
    assert [event["type"] for event in timeline(shown, room_id)] == ["m.room.message", "m.room.redaction"]
    assert "rooms" not in filtered(alice, since, timeline={"contains_url": True})
