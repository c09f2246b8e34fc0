"""What other servers are told of the devices and keys of users here."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.federation.sender import queue as queues
from matrix_app.federation.sender.catch_up import lacking
from matrix_app.federation.sender.device_edus import device_edus
from matrix_app.services.delete_devices import delete_devices
from matrix_app.storage import db, devices, interning, outbound, outbound_devices, stream
from tests.factories.client import Client, ClientFactory
from tests.factories.encryption import CrossSigning, Device
from tests.factories.rooms import StoredRoom
from tests.factories.sending import OtherServers, sending, wait_until
from tests.factories.settings import settings
from tests.factories.statements import recorded

FAR = "@fran:far.example"
NEAR = "@nele:near.example"


@pytest.fixture
def others(transactional_db: None) -> OtherServers:
    return OtherServers()


@pytest.fixture
def client(clients: ClientFactory) -> Client:
    return clients.make()


def updates(others: OtherServers, server: str = "far.example") -> list[dict[str, Any]]:
    return others.edus(server, "m.device_list_update")


def test_each_change_names_the_one_before_whatever_happens_to_other_keys(
    others: OtherServers, client: Client
) -> None:
    StoredRoom(creator=client.user_id, members=[FAR])
    with sending(others):
        Device(client).upload()
        wait_until(lambda: len(updates(others)) == 1)
        signing = CrossSigning(client)
        signing.upload()
        wait_until(lambda: others.edus("far.example", "m.signing_key_update"))
        client.put("/devices/DEVICE", {"display_name": "Phone"})
        wait_until(lambda: len(updates(others)) == 2)
        delete_devices(client.requester.user_nid, ["DEVICE"])
        wait_until(lambda: len(updates(others)) == 3)
    first, second, third = updates(others)
    assert (first["prev_id"], first["keys"]["device_id"]) == ([], "DEVICE")
    assert second["prev_id"] == [first["stream_id"]]
    assert third["prev_id"] == [second["stream_id"]]
    assert third["deleted"] is True
    assert "keys" not in third
    assert devices.device_list_position(client.requester.user_nid) == third["stream_id"]
    keys = others.edus("far.example", "m.signing_key_update")
    assert keys == [
        {
            "user_id": client.user_id,
            "master_key": signing.master_key,
            "self_signing_key": signing.self_signing_key,
        }
    ]


def test_a_signature_on_a_device_is_told_with_its_keys(others: OtherServers, client: Client) -> None:
    device = Device(client)
    device.upload()
    signing = CrossSigning(client)
    signing.upload()
    StoredRoom(creator=client.user_id, members=[FAR])
    with sending(others):
        signed = signing.self_signing.sign(device.keys)
        body = {client.user_id: {"DEVICE": signed}}
        assert client.post("/keys/signatures/upload", body).body == {"failures": {}}
        wait_until(lambda: updates(others))
    (update,) = updates(others)
    signatures = update["keys"]["signatures"][client.user_id]
    assert set(signatures) == {device.key.name, signing.self_signing.name}


@pytest.mark.parametrize("told", [False, True])
def test_names_of_devices_are_told_as_the_configuration_says(
    others: OtherServers, client: Client, told: bool
) -> None:
    StoredRoom(creator=client.user_id, members=[FAR])
    with settings(federation={"tell_device_names": told}), sending(others):
        client.put("/devices/DEVICE", {"display_name": "Phone"})
        wait_until(lambda: updates(others))
    (update,) = updates(others)
    assert update.get("device_display_name") == ("Phone" if told else None)


def test_who_comes_into_a_room_is_shown_to_the_servers_there_that_did_not_know_them(
    others: OtherServers, client: Client
) -> None:
    Device(client).upload()
    client.put("/devices/DEVICE", {"display_name": "Phone"})
    last = devices.device_list_position(client.requester.user_nid)
    StoredRoom(creator=client.user_id, members=[FAR])
    room = StoredRoom(members=[FAR, NEAR, "@noor:near.example"])
    with sending(others):
        room.join(client.user_id)
        wait_until(lambda: updates(others, "near.example"))
        wait_until(lambda: others.pdus("far.example"))
    (update,) = updates(others, "near.example")
    assert update["stream_id"] == last
    assert len(update["prev_id"]) == 1
    assert update["keys"]["device_id"] == "DEVICE"
    assert updates(others) == []


def test_who_has_no_devices_is_not_shown(others: OtherServers, client: Client) -> None:
    delete_devices(client.requester.user_nid, ["DEVICE"])
    room = StoredRoom(members=[NEAR])
    with sending(others):
        room.join("@bare:hearth.example")
        wait_until(lambda: others.pdus("near.example"))
    assert updates(others, "near.example") == []


def test_a_server_that_was_away_lacks_the_lists_of_those_who_came_meanwhile(client: Client) -> None:
    room = StoredRoom(members=[FAR])
    Device(client).upload()
    sent = stream.current_position()
    joined = room.join(client.user_id)
    server_nid = interning.server_nid("far.example")
    found = lacking(server_nid, sent, stream.current_position())
    assert outbound_devices.OwedList(joined.position or 0, client.requester.user_nid) in found
    nothing = lacking(server_nid, stream.current_position(), stream.current_position())
    assert nothing == []


def test_device_changes_take_half_of_the_edus_of_a_transaction_at_most() -> None:
    owed = [outbound_devices.OwedDevice(n, 1, "D", None) for n in range(1, 200)]
    batch = queues.take(owed, [])
    assert len(batch.owed) == queues.MOST_EDUS // 2
    assert batch.messages == queues.MOST_EDUS // 2


def test_what_departed_is_found_again_with_the_lists_in_it(client: Client) -> None:
    room = StoredRoom(members=[FAR])
    Device(client).upload()
    joined = room.join(client.user_id)
    nid = client.requester.user_nid
    (change,) = outbound_devices.changes([nid], 0, stream.current_position())
    event = outbound.latest_owed(room.nid, 0, 0, stream.current_position())
    assert event is not None
    owed: list[outbound.Owed] = [change, event, outbound_devices.OwedList(joined.position or 0, nid)]
    server_nid = interning.server_nid("far.example")
    with db.write():
        outbound.put_flight(server_nid, 1, "txn", owed)
    assert outbound.flights() == {server_nid: outbound.Flight("txn", owed)}


def test_many_changes_cost_as_many_statements_as_a_few(client: Client, clients: ClientFactory) -> None:
    users = [client, *clients.many(9)]
    for user in users:
        Device(user).upload()
        CrossSigning(user).upload()
    nids = [user.requester.user_nid for user in users]
    every = outbound_devices.changes(nids, 0, stream.current_position())
    lists = [outbound_devices.OwedList(1, nid) for nid in nids]
    few: list[outbound_devices.OwedDevice | outbound_devices.OwedList] = [*every[:2], lists[0]]
    counts = []
    many: list[outbound_devices.OwedDevice | outbound_devices.OwedList] = [*every, *lists]
    for some in (few, many):
        with recorded() as statements:
            assert len(device_edus(some)) == len(some)
        assert statements.scans() == []
        counts.append(len(statements))
    assert counts[0] == counts[1]
