"""Messages to devices on their way between servers: each arrives, and each arrives once."""

from __future__ import annotations

import threading
from typing import Any

import orjson
import pytest
from django.db import connection

from matrix_app.federation.edus import to_device
from matrix_app.protocol.errors import BadRequest, Forbidden, RemoteUnreachable, TooLarge
from matrix_app.services import remote_to_device
from matrix_app.services.clean_up import KEPT_MESSAGE_IDS_MS, forget_transactions, trim_device_messages
from matrix_app.storage import db, device_messages, interning, outbound_edus
from matrix_app.storage.clock import now_ms
from tests.factories.client import Client, ClientFactory
from tests.factories.sending import OtherServers, sending, wait_until
from tests.factories.settings import settings

FRAN = "@fran:far.example"
EVER = (1 << 63) - 1


@pytest.fixture
def alice(clients: ClientFactory) -> Client:
    return clients.make()


def send(client: Client, messages: Any, txn_id: str = "t") -> Any:
    return client.put(f"/sendToDevice/m.test/{txn_id}", {"messages": messages})


def arrived(others: OtherServers, server: str = "far.example") -> list[dict[str, Any]]:
    return others.edus(server, "m.direct_to_device")


def waiting() -> int:
    return int(db.value("SELECT count(*) FROM outbound_to_device"))


def test_one_request_reaches_devices_here_and_on_each_other_server(
    alice: Client, clients: ClientFactory
) -> None:
    others, bob = OtherServers(), clients.make()
    with sending(others):
        messages = {
            FRAN: {"*": {"n": 1}},
            "@gus:far.example": {"G": {"n": 2}},
            "@nele:near.example": {"N": {"n": 3}},
            bob.user_id: {"DEVICE": {"n": 4}},
        }
        assert send(alice, messages).body == {}
        assert send(alice, messages).body == {}
        wait_until(lambda: waiting() == 0)
    (far,), (near,) = arrived(others), arrived(others, "near.example")
    assert far["messages"] == {FRAN: {"*": {"n": 1}}, "@gus:far.example": {"G": {"n": 2}}}
    assert near["messages"] == {"@nele:near.example": {"N": {"n": 3}}}
    assert (far["sender"], far["type"]) == (alice.user_id, "m.test")
    assert far["message_id"] != near["message_id"]
    assert len(received(bob)) == 1


def test_large_requests_are_sent_in_pieces_that_each_have_an_id() -> None:
    messages: Any = {
        FRAN: {f"D{n}": {"text": "x" * 20_000} for n in range(10)},
        "@gus:far.example": {"G": {}},
    }
    edus = [
        orjson.loads(content) for _, content in remote_to_device.prepare(FRAN, "t", {"far.example": messages})
    ]
    assert len({edu["message_id"] for edu in edus}) == len(edus) == 4
    assert all(len(orjson.dumps(edu)) < remote_to_device.LARGEST_EDU + 1000 for edu in edus)
    rejoined: dict[str, Any] = {}
    for edu in edus:
        for user_id, of_devices in edu["messages"].items():
            rejoined.setdefault(user_id, {}).update(of_devices)
    assert rejoined == messages


def test_a_message_that_is_too_large_is_refused_whoever_it_is_for(alice: Client) -> None:
    answer = send(alice, {FRAN: {"D": {"text": "x" * 70_000}}})
    assert (answer.status, answer.errcode) == (413, "M_TOO_LARGE")
    assert waiting() == 0
    with pytest.raises(TooLarge):
        remote_to_device.prepare(FRAN, "t", {"far.example": {FRAN: {"D": {"text": "x" * 70_000}}}})


def test_what_a_server_did_not_take_is_sent_again_with_the_same_ids(alice: Client) -> None:
    others = OtherServers()
    with sending(others):
        send(alice, {FRAN: {"D": {"n": 0}}}, "first")
        wait_until(lambda: arrived(others))
        # It took the message, but its answer was lost.
        with db.write():
            outgoing = [("far.example", orjson.dumps(arrived(others)[0]))]
            remote_to_device.queue(outgoing)
        wait_until(lambda: len(arrived(others)) == 2)
        others.faults["far.example"] = RemoteUnreachable("gone")
        for number in range(3):
            send(alice, {FRAN: {"D": {"n": number}}}, f"t{number}")
        wait_until(lambda: others.asked.count("far.example") >= 3)
        assert waiting() == 3
    others.faults.clear()
    db.execute("UPDATE destination SET retry_at_ts = 0")
    with sending(others):
        wait_until(lambda: waiting() == 0)
    assert [edu["messages"][FRAN]["D"]["n"] for edu in arrived(others)[2:]] == [0, 1, 2]


def test_what_waits_for_a_server_is_bounded(monkeypatch: pytest.MonkeyPatch, alice: Client) -> None:
    monkeypatch.setattr(remote_to_device, "MOST_WAITING", 10)
    monkeypatch.setattr(remote_to_device, "LOOKED_AT", 1)
    for number in range(15):
        send(alice, {FRAN: {"D": {"n": number}}}, f"t{number}")
    kept = outbound_edus.oldest_messages(interning.server_nid("far.example"), 100)
    assert [orjson.loads(row.content)["messages"][FRAN]["D"]["n"] for row in kept] == list(range(5, 15))


def received(client: Client) -> list[Any]:
    device_nid = client.requester.device_nid
    assert device_nid is not None
    return [orjson.loads(row.content)["content"] for row in device_messages.after(device_nid, 0, EVER, 1000)]


def edu(client: Client, message_id: str, **content: Any) -> dict[str, Any]:
    messages = {client.user_id: {"DEVICE": content}}
    return {"sender": FRAN, "type": "m.test", "message_id": message_id, "messages": messages}


def receive(content: Any, origin: str = "far.example") -> None:
    with db.write():
        origin_nid = interning.server_nid(origin)
    to_device.receive(origin, origin_nid, content)


def test_a_message_counts_once_however_often_and_at_the_same_time_it_comes(alice: Client) -> None:
    with db.write():
        origin_nid = interning.server_nid("far.example")
    start = threading.Barrier(8)

    def work() -> None:
        try:
            start.wait(10)
            for number in range(10):
                to_device.receive("far.example", origin_nid, edu(alice, f"id{number}", n=number))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(content["n"] for content in received(alice)) == list(range(10))


def test_the_same_id_of_another_server_is_another_message(alice: Client) -> None:
    receive(edu(alice, "one", n=1))
    receive({**edu(alice, "one", n=2), "sender": "@nele:near.example"}, "near.example")
    assert received(alice) == [{"n": 1}, {"n": 2}]


def test_a_message_that_is_refused_may_come_again_in_a_better_form(alice: Client) -> None:
    with pytest.raises(TooLarge):
        receive(edu(alice, "one", text="x" * 70_000))
    receive(edu(alice, "one", n=1))
    assert received(alice) == [{"n": 1}]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"sender": "@nele:near.example"}, Forbidden),
        ({"sender": "fran"}, BadRequest),
        ({"message_id": ""}, BadRequest),
        ({"message_id": 5}, BadRequest),
        ({"type": ""}, BadRequest),
        ({"type": "x" * 300}, BadRequest),
        ({"messages": []}, BadRequest),
        ({"messages": {"@a:hearth.example": []}}, BadRequest),
        ({"messages": {"@a:hearth.example": {"D": "text"}}}, BadRequest),
        ({"messages": {"nobody": {"D": {}}}}, BadRequest),
    ],
)
def test_what_is_no_message_is_refused(alice: Client, wrong: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        receive({**edu(alice, "one", n=1), **wrong})
    assert received(alice) == []


def test_messages_to_users_of_other_servers_go_no_further(alice: Client) -> None:
    receive({**edu(alice, "one", n=1), "messages": {"@nele:near.example": {"N": {}}}})
    assert waiting() == 0


def test_ids_are_remembered_for_a_week(alice: Client) -> None:
    receive(edu(alice, "old", n=1))
    receive(edu(alice, "new", n=2))
    sql = "UPDATE received_device_message SET received_ts = %s WHERE message_id = 'old'"
    db.execute(sql, (now_ms() - KEPT_MESSAGE_IDS_MS - 1000,))
    forget_transactions()
    assert [row[0] for row in db.rows("SELECT message_id FROM received_device_message")] == ["new"]


def test_a_device_that_fetches_nothing_keeps_the_newest_messages(alice: Client) -> None:
    for number in range(12):
        receive(edu(alice, f"id{number}", n=number))
    with settings(limits={"waiting_messages_per_device": 10}):
        assert trim_device_messages() == 2
        assert trim_device_messages() == 0
    assert [content["n"] for content in received(alice)] == list(range(2, 12))
