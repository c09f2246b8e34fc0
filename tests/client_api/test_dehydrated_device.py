"""Dehydrated devices (MSC3814)."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.services.create_session import create_session
from matrix_app.services.delete_devices import delete_devices
from tests.factories.accounts import make_account
from tests.factories.client import Answer, Client, ClientFactory
from tests.factories.encryption import ALGORITHMS, CrossSigning, Key
from tests.factories.syncing import sync

PATH = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device"
DATA = {"algorithm": "org.matrix.msc3814.v2", "device_pickle": "opaque", "nonce": "n"}


def keys_of(client: Client, device_id: str) -> dict[str, Any]:
    """Identity keys of a device that is not signed in."""
    key = Key(client.user_id, device_id)
    keys = {key.name: key.public, f"curve25519:{device_id}": key.public}
    whole = {"user_id": client.user_id, "device_id": device_id, "algorithms": ALGORITHMS, "keys": keys}
    return key.sign(whole)


def dehydrate(client: Client, device_id: str = "DRY", **extra: Any) -> Answer:
    """PUT /dehydrated_device."""
    body = {"device_id": device_id, "device_data": DATA, "device_keys": keys_of(client, device_id), **extra}
    return client.put(PATH, body)


def events(client: Client, device_id: str = "DRY", **body: Any) -> Answer:
    """POST /dehydrated_device/{device_id}/events."""
    return client.post(f"{PATH}/{device_id}/events", body)


def send(client: Client, user: Client, number: int) -> None:
    """Send a numbered message to all devices of a user."""
    body = {"messages": {user.user_id: {"*": {"n": number}}}}
    assert client.put(f"/sendToDevice/org.example/t{number}", body).status == 200


def test_a_user_has_one_dehydrated_device(clients: ClientFactory) -> None:
    alice = clients.make()
    assert alice.get(PATH).errcode == "M_NOT_FOUND"
    assert dehydrate(alice).body == {"device_id": "DRY"}
    assert alice.get(PATH).body == {"device_id": "DRY", "device_data": DATA}
    assert dehydrate(alice, "NEW").status == 200
    assert alice.get(PATH).body["device_id"] == "NEW"
    assert alice.get("/devices/DRY").errcode == "M_NOT_FOUND"
    assert alice.delete(PATH).body == {"device_id": "NEW"}
    assert alice.delete(PATH).errcode == "M_NOT_FOUND"


def test_it_can_be_encrypted_for_as_any_device(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    bob.change(alice.create_room(preset="public_chat"), "join")
    since = sync(bob)["next_batch"]
    fallback = {"signed_curve25519:F": {"key": "x", "signatures": {}, "fallback": True}}
    one_time = {"signed_curve25519:O": {"key": "y", "signatures": {}}}
    name = "Dehydrated"
    dehydrate(alice, one_time_keys=one_time, fallback_keys=fallback, initial_device_display_name=name)
    assert sync(bob, since)["device_lists"]["changed"] == [alice.user_id]
    found = bob.post("/keys/query", {"device_keys": {alice.user_id: []}}).body["device_keys"][alice.user_id]
    assert found["DRY"]["unsigned"] == {"device_display_name": name}
    claim = {"one_time_keys": {alice.user_id: {"DRY": "signed_curve25519"}}}
    for keys in (one_time, fallback, fallback):
        given = bob.post("/keys/claim", claim).body["one_time_keys"]
        assert given == {alice.user_id: {"DRY": keys}}


def test_its_messages_are_read_in_batches_and_stay(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    dehydrate(alice)
    for number in range(105):
        send(bob, alice, number)
    for _ in range(2):
        first = events(alice).body
        second = events(alice, next_batch=first["next_batch"]).body
        numbers = [event["content"]["n"] for event in (*first["events"], *second["events"])]
        assert numbers == list(range(105))
        assert events(alice, next_batch=second["next_batch"]).body["events"] == []
    assert first["events"][0] == {"type": "org.example", "sender": bob.user_id, "content": {"n": 0}}
    assert len(sync(alice)["to_device"]["events"]) == 100


def test_a_repeated_request_loses_no_messages(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    body = {
        "device_id": "DRY",
        "device_data": DATA,
        "device_keys": keys_of(alice, "DRY"),
        "one_time_keys": {"signed_curve25519:O": {"key": "y", "signatures": {}}},
    }
    claim = {"one_time_keys": {alice.user_id: {"DRY": "signed_curve25519"}}}
    assert alice.put(PATH, body).status == 200
    assert bob.post("/keys/claim", claim).body["one_time_keys"] != {}
    send(bob, alice, 7)
    assert alice.put(PATH, body).body == {"device_id": "DRY"}
    assert [event["content"]["n"] for event in events(alice).body["events"]] == [7]
    assert bob.post("/keys/claim", claim).body["one_time_keys"] == {}
    # With other keys it is another device.
    assert dehydrate(alice).status == 200
    assert events(alice).body["events"] == []


def test_a_batch_says_where_to_go_on_only_while_more_wait(clients: ClientFactory) -> None:
    alice, bob = clients.many(2)
    dehydrate(alice)
    path = f"{PATH}/DRY/events"
    assert alice.get(path).body == {"events": []}
    for number in range(5):
        send(bob, alice, number)
    numbers: list[int] = []
    token = ""
    for expected in (2, 2, 1):
        body = alice.get(f"{path}?limit=2{token}").body
        numbers += [event["content"]["n"] for event in body["events"]]
        assert len(body["events"]) == expected
        token = f"&from={body.get('next_batch')}"
    assert numbers == list(range(5))
    assert "next_batch" not in body
    assert alice.get(f"{path}?from=nonsense").errcode == "M_INVALID_PARAM"
    assert alice.get(f"{PATH}/DEVICE/events").errcode == "M_FORBIDDEN"


def test_the_messages_of_no_other_device_are_read(clients: ClientFactory) -> None:
    alice = clients.make()
    assert events(alice).errcode == "M_NOT_FOUND"
    dehydrate(alice)
    assert events(alice, "DEVICE").errcode == "M_FORBIDDEN"
    assert events(alice, next_batch="nonsense").errcode == "M_INVALID_PARAM"


def test_the_ids_of_other_devices_and_keys_are_refused(clients: ClientFactory) -> None:
    account = make_account()
    alice = clients.sign_in(account)
    create_session(account.user_id, account.user_nid, device_id="PHONE")
    keys = CrossSigning(alice)
    keys.upload()
    assert dehydrate(alice, "PHONE").errcode == "M_INVALID_PARAM"
    assert dehydrate(alice, keys.master.public).errcode == "M_FORBIDDEN"
    dehydrate(alice)
    assert dehydrate(alice, "PHONE").errcode == "M_INVALID_PARAM"
    assert alice.get(PATH).body["device_id"] == "DRY"


def test_a_device_that_is_deleted_is_dehydrated_no_more(clients: ClientFactory) -> None:
    alice = clients.make()
    dehydrate(alice)
    delete_devices(alice.requester.user_nid, ["DRY"])
    assert alice.get(PATH).errcode == "M_NOT_FOUND"


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        ({"device_keys": None}, "M_BAD_JSON"),
        ({"device_id": "OTHER"}, "M_INVALID_PARAM"),
        ({"device_id": ""}, "M_INVALID_PARAM"),
        ({"device_data": "text"}, "M_BAD_JSON"),
        ({"initial_device_display_name": "a\0b"}, "M_INVALID_PARAM"),
        ({"device_data": {"x": "x" * 300_000}}, "M_TOO_LARGE"),
    ],
)
def test_malformed_devices_are_refused(clients: ClientFactory, change: Any, errcode: str) -> None:
    alice = clients.make()
    body = {"device_id": "DRY", "device_data": DATA, "device_keys": keys_of(alice, "DRY"), **change}
    assert alice.put(PATH, body).errcode == errcode
    assert alice.get(PATH).errcode == "M_NOT_FOUND"
