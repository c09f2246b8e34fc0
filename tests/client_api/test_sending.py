"""PUT /send and PUT /state."""

from __future__ import annotations

from typing import Any

import pytest

from tests.factories.client import Client, ClientFactory
from tests.factories.present_state import events_of


def test_a_repeated_transaction_id_answers_the_first_event(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    first, second = alice.send(room_id, "one", "t"), alice.send(room_id, "two", "t")
    assert first.body == second.body
    assert alice.send(alice.create_room(), "one", "t").body != first.body
    other_type = alice.put(f"/rooms/{room_id}/send/m.own/t", {})
    assert other_type.body != first.body


def test_another_device_with_the_same_transaction_id_sends_anew(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    assert alice.send(room_id, "one", "t").body != bob.send(room_id, "one", "t").body


def test_without_a_transaction_id_every_request_sends(clients: ClientFactory) -> None:
    alice = clients.make()
    path = f"/rooms/{alice.create_room()}/send/m.room.message"
    content = {"msgtype": "m.text", "body": "hello"}
    assert alice.post(path, content).body != alice.post(path, content).body


def test_setting_state_to_what_it_is_makes_no_event(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    first = alice.set_state(room_id, "m.room.name", {"name": "A"})
    assert alice.set_state(room_id, "m.room.name", {"name": "A"}).body == first.body
    assert alice.set_state(room_id, "m.room.name", {"name": "B"}).body != first.body


def test_true_and_one_are_not_the_same_state(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    for value in (1, True):
        alice.set_state(room_id, "m.own", {"value": value})
        assert alice.get(f"/rooms/{room_id}/state/m.own").body["value"] is value


def test_who_is_not_in_a_room_sends_nothing_into_it(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    assert bob.send(room_id).errcode == "M_FORBIDDEN"
    assert bob.set_state(room_id, "m.own", {}).errcode == "M_FORBIDDEN"
    assert bob.put(f"/rooms/{room_id}/send/m.room.message/t", {"body": 1}).errcode == "M_FORBIDDEN"
    assert bob.set_state(room_id, "m.room.power_levels", {"users": 1}).errcode == "M_FORBIDDEN"
    assert bob.send("!unknown:hearth.example").errcode == "M_FORBIDDEN"
    assert bob.send("unknown").errcode == "M_INVALID_PARAM"


def test_too_large_an_event_is_refused(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    assert alice.send(room_id, "x" * 65536).status == 413
    assert alice.put(f"/rooms/{room_id}/send/{'x' * 256}/t", {}).status == 413


@pytest.mark.parametrize(
    ("event_type", "content"),
    [
        ("m.room.message", {"body": 1, "msgtype": "m.text"}),
        ("m.room.message", {"body": "x"}),
        ("m.room.message", {"msgtype": "m.text"}),
        ("m.room.name", {"name": ["a"]}),
        ("m.room.topic", {"topic": {}}),
        ("m.room.create", {"creator": "me"}),
        ("m.room.power_levels", {"users_default": "high"}),
        ("m.room.power_levels", {"users": {"bob": 50}}),
        ("m.room.server_acl", {"allow": ["*"], "deny": ["hearth.example"]}),
        ("m.room.server_acl", {}),
        ("m.room.canonical_alias", {"alias": 1}),
        ("m.room.canonical_alias", {"alt_aliases": "#a:hearth.example"}),
        ("m.room.canonical_alias", {"alias": ["#a:hearth.example"]}),
        ("m.room.canonical_alias", {"alt_aliases": [{}]}),
    ],
)
def test_state_that_makes_no_sense_is_refused(
    clients: ClientFactory, event_type: str, content: dict[str, Any]
) -> None:
    alice = clients.make()
    answer = alice.set_state(alice.create_room(), event_type, content)
    assert answer.status == (403 if event_type == "m.room.create" else 400)


@pytest.mark.parametrize("key", ["name", "topic"])
def test_a_name_or_topic_is_unset_by_null(clients: ClientFactory, key: str) -> None:
    alice = clients.make()
    room_id = alice.create_room(**{key: "Something"})
    assert alice.set_state(room_id, f"m.room.{key}", {key: None}).status == 200
    assert key not in alice.get(f"/_matrix/client/v1/room_summary/{room_id}").body


def test_a_creator_is_given_no_level_and_that_is_no_question_of_power(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room(room_version="12")
    answer = alice.set_state(room_id, "m.room.power_levels", {"users": {alice.user_id: 100}})
    assert (answer.status, answer.errcode) == (400, "M_BAD_JSON")


def test_a_room_cannot_be_replaced_by_itself(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    content = {"replacement_room": room_id, "body": ""}
    assert alice.set_state(room_id, "m.room.tombstone", content).status == 400
    assert alice.put(f"/rooms/{room_id}/send/m.room.tombstone/t", content).status == 400


def test_a_suspended_user_sends_nothing(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    clients.suspend(alice)
    assert alice.send(room_id).errcode == "M_USER_SUSPENDED"
    assert alice.set_state(room_id, "m.own", {}).errcode == "M_USER_SUSPENDED"


def react(client: Client, room_id: str, event_id: str, key: str, txn_id: str) -> str | None:
    relates_to = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
    answer = client.put(f"/rooms/{room_id}/send/m.reaction/{txn_id}", {"m.relates_to": relates_to})
    return answer.errcode


def test_a_user_reacts_once_with_a_key(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    event_id = alice.send(room_id).body["event_id"]
    assert react(alice, room_id, event_id, "+", "1") is None
    assert react(alice, room_id, event_id, "+", "2") == "M_DUPLICATE_ANNOTATION"
    assert react(alice, room_id, event_id, "+", "1") is None
    assert react(alice, room_id, event_id, "-", "3") is None


def test_no_thread_starts_from_an_event_in_a_thread(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()

    def reply(root: str, txn_id: str) -> Any:
        relates_to = {"rel_type": "m.thread", "event_id": root}
        content = {"msgtype": "m.text", "body": "x", "m.relates_to": relates_to}
        return alice.put(f"/rooms/{room_id}/send/m.room.message/{txn_id}", content)

    first = reply(alice.send(room_id).body["event_id"], "1")
    assert first.status == 200
    assert reply(first.body["event_id"], "2").status == 400


def test_users_cannot_set_state_of_other_users(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room()
    assert alice.set_state(room_id, "m.own", {}, alice.user_id).status == 200
    assert alice.set_state(room_id, "m.own", {}, bob.user_id).errcode == "M_FORBIDDEN"
    assert ("m.own", bob.user_id) not in events_of(room_id)
