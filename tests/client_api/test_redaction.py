"""Redacting events."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from matrix_app.storage import events
from tests.factories.client import Client, ClientFactory
from tests.factories.present_state import events_of


def redact(client: Client, room_id: str, event_id: str, txn_id: str = "t") -> str | int | None:
    answer = client.put(f"/rooms/{room_id}/redact/{quote(event_id, safe='')}/{txn_id}", {"reason": "bad"})
    return answer.errcode or answer.status


def is_redacted(event_id: str) -> bool:
    row = events.row_by_id(event_id)
    assert row is not None
    return row.redacted_by_nid is not None


@pytest.mark.parametrize("version", ["1", "2", "3", "10", "11", "12"])
def test_users_redact_their_own_events_and_moderators_all(clients: ClientFactory, version: str) -> None:
    alice, bob, carol = clients.many(3)
    room_id = alice.create_room(preset="public_chat", room_version=version)
    for client in (bob, carol):
        client.change(room_id, "join")
    first, second = (bob.send(room_id).body["event_id"] for _ in range(2))
    assert redact(carol, room_id, first) == "M_FORBIDDEN"
    assert not is_redacted(first)
    assert redact(bob, room_id, first) == 200
    assert redact(alice, room_id, second) == 200
    assert is_redacted(first)
    assert is_redacted(second)


@pytest.mark.parametrize("version", ["10", "11"])
def test_a_redaction_can_be_sent_as_any_other_event(clients: ClientFactory, version: str) -> None:
    alice = clients.make()
    room_id = alice.create_room(room_version=version)
    event_id = alice.send(room_id).body["event_id"]
    answer = alice.put(f"/rooms/{room_id}/send/m.room.redaction/t", {"redacts": event_id, "reason": "r"})
    assert answer.status == 200
    assert is_redacted(event_id)
    row = events.row_by_id(answer.body["event_id"])
    assert row is not None
    pdu = events.parse(row).pdu
    assert ("redacts" in pdu, "redacts" in pdu["content"]) == (version == "10", version == "11")
    assert alice.put(f"/rooms/{room_id}/send/m.room.redaction/u", {}).errcode == "M_MISSING_PARAM"


def test_a_repeated_redaction_is_the_same_event(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    event_id = alice.send(room_id).body["event_id"]
    path = f"/rooms/{room_id}/redact/{event_id}/t"
    assert alice.put(path, {}).body == alice.put(path, {}).body


def test_what_is_elsewhere_unknown_or_the_room_itself_is_not_redacted(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    elsewhere = alice.send(alice.create_room()).body["event_id"]
    create = events_of(room_id)["m.room.create", ""].event_id
    assert redact(alice, room_id, elsewhere) == "M_INVALID_PARAM"
    assert redact(bob, room_id, "$unknown") == "M_NOT_FOUND"
    assert redact(alice, room_id, create) == "M_FORBIDDEN"
    assert redact(alice, room_id, "nonsense") == "M_INVALID_PARAM"


def test_a_server_administrator_redacts_what_local_users_sent(clients: ClientFactory) -> None:
    alice, admin = clients.make(), clients.make(admin=True)
    room_id = alice.create_room(preset="public_chat")
    admin.change(room_id, "join")
    event_id = alice.send(room_id).body["event_id"]
    assert redact(admin, room_id, event_id) == 200
    assert is_redacted(event_id)


def test_a_suspended_user_redacts_their_own_events_only(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    room_id = alice.create_room(preset="public_chat")
    bob.change(room_id, "join")
    own, other = alice.send(room_id).body["event_id"], bob.send(room_id).body["event_id"]
    clients.suspend(alice)
    assert redact(alice, room_id, other) == "M_USER_SUSPENDED"
    assert redact(alice, room_id, own) == 200
