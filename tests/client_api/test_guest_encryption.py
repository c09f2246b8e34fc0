"""What of end-to-end encryption guests can do ("Guest Access")."""

from __future__ import annotations

import pytest

from tests.factories.client import Client, ClientFactory
from tests.factories.encryption import CrossSigning, Device
from tests.factories.rooms import StoredRoom
from tests.factories.syncing import sync

ALGORITHM = "signed_curve25519"


@pytest.fixture
def guest(clients: ClientFactory) -> Client:
    return clients.make(guest=True)


def test_a_guest_and_a_user_can_encrypt_for_one_another(guest: Client, clients: ClientFactory) -> None:
    user = clients.make()
    for one, other in ((guest, user), (user, guest)):
        device = Device(other)
        (name,) = device.upload(1)
        keys = one.post("/keys/query", {"device_keys": {other.user_id: []}}).body["device_keys"]
        assert keys[other.user_id]["DEVICE"]["keys"] == device.keys["keys"]
        wanted = {other.user_id: {"DEVICE": ALGORITHM}}
        claimed = one.post("/keys/claim", {"one_time_keys": wanted}).body["one_time_keys"]
        assert list(claimed[other.user_id]["DEVICE"]) == [name]
        messages = {other.user_id: {"DEVICE": {"n": 1}}}
        assert one.put("/sendToDevice/m.test/t", {"messages": messages}).status == 200
        (event,) = sync(other)["to_device"]["events"]
        assert event == {"type": "m.test", "sender": one.user_id, "content": {"n": 1}}


def test_a_guest_learns_of_keys_and_devices_by_sync(guest: Client, clients: ClientFactory) -> None:
    user = clients.make()
    StoredRoom(creator=user.user_id, members=[guest.user_id])
    Device(guest).upload(2)
    body = sync(guest)
    assert body["device_one_time_keys_count"] == {ALGORITHM: 2}
    assert body["device_unused_fallback_key_types"] == []
    Device(user).upload()
    assert sync(guest, body["next_batch"])["device_lists"] == {"changed": [user.user_id]}


def test_a_guest_names_its_device_and_proves_no_identity(guest: Client) -> None:
    assert guest.put("/devices/DEVICE", {"display_name": "Visitor"}).status == 200
    assert guest.get("/devices/DEVICE").body["display_name"] == "Visitor"
    assert (
        guest.post("/keys/device_signing/upload", CrossSigning(guest).body).errcode
        == "M_GUEST_ACCESS_FORBIDDEN"
    )
    assert guest.post("/keys/signatures/upload", {}).errcode == "M_GUEST_ACCESS_FORBIDDEN"
    assert guest.get("/room_keys/version").errcode == "M_GUEST_ACCESS_FORBIDDEN"
