"""Messages to devices."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from orjson import Fragment

from matrix_app.services.create_session import create_session
from matrix_app.services.delete_devices import delete_devices
from matrix_app.storage import db, stream
from matrix_app.sync.hub import hub
from tests.factories.accounts import make_account
from tests.factories.client import Answer, Client, ClientFactory
from tests.factories.statements import recorded
from tests.factories.syncing import begin, sync


def send(client: Client, messages: Any, txn_id: str = "t", event_type: str = "org.example.note") -> Answer:
    """PUT /sendToDevice."""
    return client.put(f"/sendToDevice/{quote(event_type, safe='')}/{txn_id}", {"messages": messages})


def received(client: Client, since: str | None = None) -> list[Any]:
    """The messages that a sync brings."""
    events: list[Any] = sync(client, since).get("to_device", {}).get("events", [])
    return events


def test_a_message_arrives_in_the_form_of_sync(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    assert send(alice, {bob.user_id: {"DEVICE": {"n": 1, "half": 0.5}}}).body == {}
    expected = {"type": "org.example.note", "sender": alice.user_id, "content": {"n": 1, "half": 0.5}}
    assert received(bob) == [expected]
    assert received(alice) == []


def test_messages_come_in_order_until_they_are_acknowledged(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    for number in range(5):
        send(alice, {bob.user_id: {"DEVICE": {"n": number}}}, f"t{number}")
    body = sync(bob)
    assert [event["content"]["n"] for event in body["to_device"]["events"]] == [0, 1, 2, 3, 4]
    assert len(received(bob)) == 5
    assert received(bob, body["next_batch"]) == []
    assert received(bob) == []


def test_a_repeated_transaction_sends_nothing_again(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    for _ in range(2):
        assert send(alice, {bob.user_id: {"DEVICE": {}}}, "same").status == 200
    assert len(received(bob)) == 1
    send(alice, {bob.user_id: {"DEVICE": {}}}, "same", "org.example.other")
    send(bob, {bob.user_id: {"DEVICE": {}}}, "same")
    assert len(received(bob)) == 3


def test_a_star_means_every_device_but_those_that_are_named(clients: ClientFactory) -> None:
    alice, account = clients.make(), make_account()
    first, second = clients.sign_in(account), clients.sign_in(account)
    contents = {str(second.requester.device_id): {"for": "one"}, "*": {"for": "all"}}
    send(alice, {account.user_id: contents})
    assert [event["content"] for event in received(first)] == [{"for": "all"}]
    assert [event["content"] for event in received(second)] == [{"for": "one"}]


def test_devices_and_users_that_nobody_knows_are_skipped(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    messages = {
        bob.user_id: {"NOWHERE": {}, "DEVICE": {"n": 1}},
        "@nobody:hearth.example": {"*": {}},
        "@someone:elsewhere.example": {"*": {}},
    }
    assert send(alice, messages).body == {}
    assert [event["content"] for event in received(bob)] == [{"n": 1}]


def test_a_message_wakes_its_device_and_lets_others_sleep(clients: ClientFactory) -> None:
    alice, account = clients.make(), make_account()
    first, second = clients.sign_in(account), clients.sign_in(account)
    waits = {
        client: begin(client, since=sync(client)["next_batch"], timeout=10_000) for client in (first, second)
    }
    assert all(wait.is_idle() for wait in waits.values())
    send(alice, {account.user_id: {str(first.requester.device_id): {}}})
    hub().catch_up()
    assert [wait.is_idle() for wait in waits.values()] == [False, True]


def test_other_processes_find_in_the_log_whom_messages_are_for(clients: ClientFactory) -> None:
    alice, bob, carol = clients.many(3)
    before = stream.current_position()
    send(alice, {bob.user_id: {"DEVICE": {}}, carol.user_id: {"*": {}}})
    (entry,) = stream.entries_after(before)
    assert entry.kind == stream.Kind.TO_DEVICE
    addressees = [(client.requester.user_nid, client.requester.device_nid) for client in (bob, carol)]
    assert sorted(map(tuple, entry.devices)) == addressees


def test_more_messages_than_one_sync_brings_come_with_the_next(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    for number in range(105):
        send(alice, {bob.user_id: {"DEVICE": {"n": number}}}, f"t{number}")
    body = sync(bob)
    rest = received(bob, body["next_batch"])
    numbers = [event["content"]["n"] for event in (*body["to_device"]["events"], *rest)]
    assert numbers == list(range(105))


def test_the_messages_of_a_device_go_with_it(clients: ClientFactory) -> None:
    alice, account = clients.make(), make_account()
    session = create_session(account.user_id, account.user_nid)
    send(alice, {account.user_id: {"*": {}}})
    sql = "SELECT count(*) FROM to_device_message WHERE device_nid = %s"
    assert db.value(sql, (session.device_nid,)) == 1
    delete_devices(account.user_nid, [session.device_id])
    assert db.value(sql, (session.device_nid,)) == 0


@pytest.mark.parametrize(
    ("messages", "errcode"),
    [
        ([], "M_BAD_JSON"),
        ({"@bob:hearth.example": []}, "M_BAD_JSON"),
        ({"@bob:hearth.example": {"DEVICE": "text"}}, "M_BAD_JSON"),
        ({"bob": {"DEVICE": {}}}, "M_INVALID_PARAM"),
        ({"@b\0b:hearth.example": {"DEVICE": {}}}, "M_INVALID_PARAM"),
    ],
)
def test_what_is_no_map_of_messages_is_refused(clients: ClientFactory, messages: Any, errcode: str) -> None:
    assert send(clients.make(), messages).errcode == errcode


def test_numbers_sizes_and_names_have_limits(clients: ClientFactory) -> None:
    alice = clients.make()
    own: dict[str, Any] = {alice.user_id: {"DEVICE": {}}}
    path = "/sendToDevice/org.example/t"
    assert alice.put(path, {}).errcode == "M_MISSING_PARAM"
    assert send(alice, {alice.user_id: {"DEVICE": Fragment(b'{"n":%d}' % 2**70)}}).errcode == "M_BAD_JSON"
    assert send(alice, {alice.user_id: {"DEVICE": {"text": "x" * 65_536}}}).errcode == "M_TOO_LARGE"
    assert send(alice, own, "t" * 256).errcode == "M_INVALID_PARAM"
    assert send(alice, own, event_type="t" * 256).errcode == "M_INVALID_PARAM"
    assert send(alice, own, event_type="a\0b").errcode == "M_INVALID_PARAM"
    assert received(alice) == []


def test_the_number_of_statements_does_not_grow_with_the_devices(clients: ClientFactory) -> None:
    alice, *others = clients.many(31)
    counts = []
    for txn_id, some in (("few", others[:2]), ("many", others)):
        with recorded() as found:
            send(alice, {other.user_id: {"DEVICE": {}} for other in some}, txn_id)
        counts.append(len(found))
        assert found.scans() == []
    assert counts[0] == counts[1]
