"""What a restored server does before it serves anybody."""

from __future__ import annotations

import pytest

from matrix_app.services.after_restore import after_restore
from matrix_app.services.audit import CLI
from matrix_app.storage import db, installation, interning, lost_time, outbound, restored, stream
from matrix_app.storage.clock import now_ms
from tests.factories.client import Client, ClientFactory
from tests.factories.encryption import Device
from tests.factories.rooms import StoredRoom
from tests.factories.sending import OtherServers, sending, wait_until
from tests.factories.syncing import sync

pytestmark = pytest.mark.django_db(transaction=True)

FAR = "@fran:far.example"


def _claim(client: Client, device: Device) -> str | None:
    wanted = {device.client.user_id: {device.key.id: "signed_curve25519"}}
    found = client.post("/keys/claim", {"one_time_keys": wanted}).body["one_time_keys"]
    keys = found.get(device.client.user_id, {}).get(device.key.id, {})
    return next(iter(keys), None)


def test_no_position_is_given_out_twice(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    before = stream.current_position()
    done = after_restore(CLI, "backup", 1)
    assert done.position >= before + restored.JUMP
    alice.send(room_id)
    assert stream.current_position() > done.position
    assert lost_time.has_position(before + 1)
    assert lost_time.has_position(done.position)
    assert not lost_time.has_position(before)
    again = after_restore(CLI, "backup", 1)
    assert again.position >= done.position + restored.JUMP


def test_a_backup_that_is_restored_twice_does_not_lead_to_the_same_positions_twice() -> None:
    begun = now_ms()
    assert after_restore(CLI, "backup", 1).position >= begun // 1000 * restored.PER_SECOND


def test_a_sync_goes_on_from_before_the_backup_and_from_after_it(clients: ClientFactory) -> None:
    alice = clients.make()
    room_id = alice.create_room()
    since = sync(alice)["next_batch"]
    after_restore(CLI, "backup", 1)
    alice.send(room_id, "after the restore")
    bodies = [
        event["content"].get("body")
        for event in sync(alice, since)["rooms"]["join"][room_id]["timeline"]["events"]
    ]
    assert bodies == ["after the restore"]


def test_one_time_keys_are_gone_and_the_client_is_told_to_upload_others(clients: ClientFactory) -> None:
    alice, bob = clients.make(), clients.make()
    device = Device(alice)
    device.upload(3)
    fallback = device.one_time_keys(1, fallback=True)
    alice.post("/keys/upload", {"fallback_keys": fallback})
    since = sync(alice)["next_batch"]
    after_restore(CLI, "backup", 1)
    told = sync(alice, since)
    assert told["device_one_time_keys_count"]["signed_curve25519"] == 1, "of none some take no notice"
    assert told["device_unused_fallback_key_types"] == []
    assert _claim(bob, device) == next(iter(fallback)), "until then the fallback key is given"
    new = device.one_time_keys(1)
    alice.post("/keys/upload", {"one_time_keys": new})
    assert _claim(bob, device) == next(iter(new))


def test_sliding_syncs_begin_anew_under_numbers_that_were_not_in_use() -> None:
    insert = (
        "INSERT INTO sliding_connection (device_nid, conn_id, last_version, used_ts)"
        " VALUES (1, 'a', 1, 1) RETURNING nid"
    )
    with db.write():
        before = db.value(insert)
    after_restore(CLI, "backup", 1)
    with db.write():
        assert db.value(insert) >= before + restored.JUMP


def test_other_servers_are_contacted_and_miss_something_in_the_devices_of_users_here(
    clients: ClientFactory,
) -> None:
    alice, others = clients.make(), OtherServers()
    StoredRoom(creator=alice.user_id, members=[FAR])
    with sending(others):
        Device(alice).upload()
        wait_until(lambda: others.edus("far.example", "m.device_list_update"))
    [known] = others.edus("far.example", "m.device_list_update")
    server_nid = interning.server_nid("far.example")
    with db.write():
        outbound.put_flight(server_nid, 1, "from-before", [])
        db.execute("UPDATE destination SET failing_since_ts = 1, retry_at_ts = %s", (1 << 50,))
    done = after_restore(CLI, "backup", 1)
    assert (done.servers, done.users) == (1, 1)
    assert outbound.flights() == {}
    with sending(others):
        wait_until(lambda: len(others.edus("far.example", "m.device_list_update")) > 1)
    told = others.edus("far.example", "m.device_list_update")[-1]
    assert told["stream_id"] > known["stream_id"] + restored.JUMP
    assert told["prev_id"] not in ([], [known["stream_id"]]), "it follows on what nobody has been told"
    assert server_nid not in outbound.behind()


def test_device_lists_of_other_servers_are_out_of_date() -> None:
    with db.write():
        db.execute(
            "INSERT INTO remote_device_list (user_nid, server_nid, epoch, is_current, attempts, retry_ts)"
            " VALUES (1, 2, 5, %s, 3, %s)",
            (True, 1 << 50),
        )
    after_restore(CLI, "backup", 1)
    found = db.row("SELECT is_current, epoch, attempts FROM remote_device_list")
    assert found == (False, 6, 0)


def test_the_copy_has_a_life_of_its_own() -> None:
    first = installation.ensure(1)
    assert installation.ensure(2) == first
    after_restore(CLI, "2026-01-02T030405Z", 7)
    found = installation.find()
    assert found is not None
    assert found.name != first.name
    assert (found.backup_id, found.backup_ts) == ("2026-01-02T030405Z", 7)
