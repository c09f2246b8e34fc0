"""Whose devices clients are told to look at again, and of whom they are told nothing more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from matrix_app.services.clean_up import CHANGES_KEPT, trim_device_changes
from matrix_app.services.delete_devices import delete_devices
from matrix_app.storage import db, devices, interning, key_signatures, stream
from matrix_app.storage.clock import now_ms
from matrix_app.storage.sessions import put_device
from tests.factories.client import Client, ClientFactory
from tests.factories.encryption import CrossSigning, Device
from tests.factories.rooms import StoredRoom
from tests.factories.syncing import sync

FRAN = "@fran:far.example"


class Watcher:
    """A client that syncs, and asks /keys/changes for the same."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.since: str = sync(client)["next_batch"]

    def lists(self, **query: Any) -> dict[str, list[str]]:
        """What the next sync tells of device lists."""
        body = sync(self.client, self.since, **query)
        told: dict[str, list[str]] = body.get("device_lists", {})
        path = f"/keys/changes?from={self.since}&to={body['next_batch']}"
        assert self.client.get(path).body == {"changed": [], "left": [], **told}
        self.since = body["next_batch"]
        return told


@pytest.fixture
def alice(clients: ClientFactory) -> Client:
    return clients.make()


def changed(*user_ids: str) -> dict[str, list[str]]:
    return {"changed": sorted(user_ids)}


def left(*user_ids: str) -> dict[str, list[str]]:
    return {"left": sorted(user_ids)}


def told_of(user_id: str) -> None:
    with db.write():
        devices.device_lists_changed([interning.user_nid(user_id)])


def test_whoever_comes_into_a_room_or_is_invited_to_it_is_looked_at(
    alice: Client, clients: ClientFactory
) -> None:
    room = StoredRoom(creator=alice.user_id)
    watcher, bob = Watcher(alice), clients.make()
    room.invite(bob.user_id)
    assert watcher.lists() == changed(bob.user_id)
    room.join(bob.user_id)
    assert watcher.lists() == changed(bob.user_id)
    room.join(FRAN)
    room.invite("@gus:far.example")
    assert watcher.lists() == changed(FRAN, "@gus:far.example")
    room.message(bob.user_id)
    assert watcher.lists() == {}


def test_all_in_a_room_are_looked_at_by_who_comes_in(alice: Client, clients: ClientFactory) -> None:
    bob = clients.make()
    room = StoredRoom(creator=bob.user_id, members=[FRAN])
    room.invite("@gus:far.example")
    watcher = Watcher(alice)
    room.join(alice.user_id)
    assert watcher.lists() == changed(bob.user_id, FRAN, "@gus:far.example")


def test_who_leaves_the_last_common_room_is_let_go(alice: Client) -> None:
    one = StoredRoom(creator=alice.user_id, members=[FRAN])
    two = StoredRoom(creator=alice.user_id, members=[FRAN])
    watcher = Watcher(alice)
    one.leave(FRAN)
    assert watcher.lists() == {}
    two.state("m.room.member", {"membership": "ban"}, FRAN)
    assert watcher.lists() == left(FRAN)
    told_of(FRAN)
    assert watcher.lists() == {}


def test_who_is_still_invited_to_a_common_room_is_not_let_go(alice: Client) -> None:
    room = StoredRoom(creator=alice.user_id, members=[FRAN])
    StoredRoom(creator=alice.user_id).invite(FRAN)
    watcher = Watcher(alice)
    room.leave(FRAN)
    assert watcher.lists() == {}


def test_all_whom_nothing_is_shared_with_are_let_go_by_who_leaves(alice: Client) -> None:
    room = StoredRoom(members=[alice.user_id, FRAN, "@gus:far.example"])
    StoredRoom(members=[alice.user_id, FRAN], creator="@bob:hearth.example")
    watcher = Watcher(alice)
    room.leave(alice.user_id)
    assert watcher.lists() == left("@alice:hearth.example", "@gus:far.example")


def test_who_left_just_before_one_did_is_let_go(alice: Client) -> None:
    room = StoredRoom(creator=alice.user_id)
    for user_id in (FRAN, "@gus:far.example"):
        room.join(user_id)
    watcher = Watcher(alice)
    room.leave(FRAN)
    room.leave(alice.user_id)
    assert watcher.lists() == left(FRAN, "@gus:far.example")


def test_who_left_while_one_was_away_for_a_moment_is_let_go(alice: Client) -> None:
    room = StoredRoom(creator=alice.user_id)
    room.join(FRAN)
    watcher = Watcher(alice)
    room.leave(alice.user_id)
    room.leave(FRAN)
    room.join(alice.user_id)
    assert watcher.lists() == left(FRAN)


def test_who_left_changed_and_came_back_is_looked_at(alice: Client) -> None:
    room = StoredRoom(creator=alice.user_id, members=[FRAN])
    watcher = Watcher(alice)
    room.leave(FRAN)
    told_of(FRAN)
    room.join(FRAN)
    assert watcher.lists() == changed(FRAN)
    room.leave(alice.user_id)
    assert watcher.lists() == left(FRAN)
    told_of(FRAN)
    assert watcher.lists() == {}
    room.join(alice.user_id)
    assert watcher.lists() == changed(FRAN)


def test_changes_of_devices_keys_and_signatures_are_told_to_those_who_share_a_room(
    alice: Client, clients: ClientFactory
) -> None:
    bob, stranger = clients.many(2)
    StoredRoom(creator=bob.user_id, members=[alice.user_id])
    watcher, outside = Watcher(alice), Watcher(stranger)
    device, signing = Device(bob), CrossSigning(bob)
    device.upload()
    assert watcher.lists() == changed(bob.user_id)
    signing.upload()
    assert watcher.lists() == changed(bob.user_id)
    body = {bob.user_id: {"DEVICE": signing.self_signing.sign(device.keys)}}
    assert bob.post("/keys/signatures/upload", body).body == {"failures": {}}
    assert watcher.lists() == changed(bob.user_id)
    bob.put("/devices/DEVICE", {"display_name": "Phone"})
    assert watcher.lists() == changed(bob.user_id)
    delete_devices(bob.requester.user_nid, ["DEVICE"])
    assert watcher.lists() == changed(bob.user_id)
    told_of(bob.user_id)
    assert outside.lists() == {}


def test_ones_own_devices_are_told_of_without_any_room(alice: Client) -> None:
    watcher = Watcher(alice)
    Device(alice).upload()
    assert watcher.lists() == changed(alice.user_id)


def test_a_filter_that_leaves_rooms_out_leaves_nobodys_devices_out(
    alice: Client, clients: ClientFactory
) -> None:
    bob, carol = clients.many(2)
    room = StoredRoom(creator=alice.user_id, members=[bob.user_id])
    watcher = Watcher(alice)
    only = json.dumps({"room": {"rooms": ["!other:hearth.example"]}})
    told_of(bob.user_id)
    room.join(carol.user_id)
    body = sync(alice, watcher.since, filter=only)
    assert "rooms" not in body
    assert body["device_lists"] == changed(bob.user_id, carol.user_id)


class Changes:
    """What is noted of the devices of Alice, who shares a room with Bob."""

    def __init__(self, clients: ClientFactory) -> None:
        self.alice, self.bob = clients.many(2)
        self.room = StoredRoom(creator=self.alice.user_id, members=[self.bob.user_id, FRAN])
        db.execute("DELETE FROM device_list_change")
        self.nid = self.alice.requester.user_nid

    def add(self, *device_ids: str | None) -> list[int]:
        with db.write():
            for device_id in device_ids:
                if device_id is not None:
                    put_device(self.nid, device_id, None, now_ms())
            return [devices.device_list_changed(self.nid, device_id) for device_id in device_ids]

    def noted(self, table: str = "device_list_change") -> list[int]:
        return [row[0] for row in db.rows(f"SELECT position FROM {table} ORDER BY position")]


@pytest.fixture
def changes(clients: ClientFactory, monkeypatch: pytest.MonkeyPatch) -> Changes:
    monkeypatch.setattr("matrix_app.services.clean_up.CHANGES_KEPT", 0)
    return Changes(clients)


def move_on() -> None:
    """Let the stream go beyond what has been noted."""
    with db.write():
        stream.append_one(stream.Kind.RECEIPT)


def test_of_each_device_and_of_other_keys_the_latest_change_stays(changes: Changes) -> None:
    changes.add("ONE", None, "ONE", "TWO")
    kept = changes.add(None, "TWO", "ONE")
    move_on()
    assert trim_device_changes() == 4
    assert changes.noted() == kept
    assert trim_device_changes() == 0


def test_of_devices_that_are_gone_only_the_last_change_of_the_user_stays(changes: Changes) -> None:
    (stays,) = changes.add("STAYS")
    changes.add("ONE", "TWO", "THREE")
    delete_devices(changes.nid, ["ONE", "TWO", "THREE"])
    move_on()
    trim_device_changes()
    noted = changes.noted()
    assert noted == [stays, devices.device_list_position(changes.nid)]


def test_of_remote_users_the_latest_change_stays_while_a_room_is_shared(changes: Changes) -> None:
    for _ in range(3):
        told_of(FRAN)
    told_of("@stranger:far.example")
    move_on()
    assert trim_device_changes() == 3
    (position,) = changes.noted()
    nid = db.value("SELECT user_nid FROM device_list_change WHERE position = %s", (position,))
    assert nid == interning.user_nid(FRAN)


def test_no_sync_token_misses_a_change_because_of_trimming(changes: Changes) -> None:
    tokens = []
    for _ in range(4):
        tokens.append(f"s{stream.current_position()}")
        changes.add("ONE")
        told_of(FRAN)
    move_on()
    trim_device_changes()
    for token in tokens:
        assert sync(changes.bob, token)["device_lists"] == changed(changes.alice.user_id, FRAN)
    now = sync(changes.bob)["next_batch"]
    for earlier, later in zip(tokens, [*tokens[1:], now], strict=True):
        found = [
            set(changes.bob.get(f"/keys/changes?from={one}&to={other}").body["changed"])
            for one, other in ((earlier, later), (later, now))
        ]
        assert found[0] | found[1] == {changes.alice.user_id, FRAN}


def test_the_chain_that_other_servers_follow_never_skips_what_was_trimmed(changes: Changes) -> None:
    first, second, third = changes.add("ONE", "TWO", "TWO")
    delete_devices(changes.nid, ["TWO"])
    move_on()
    trim_device_changes()
    (last,) = changes.add("ONE")
    rows: dict[int, int | None] = dict(db.rows("SELECT position, previous FROM device_list_change"))
    assert first in rows
    assert second not in rows
    assert third not in rows
    # What came before is named although it is gone: whoever has not got it asks for the list.
    assert rows[last] == max(position for position in rows if position < last)
    assert rows[rows[last] or 0] == third


def test_of_signatures_on_others_keys_the_latest_of_each_stays(changes: Changes) -> None:
    bob, fran = changes.bob.requester.user_nid, interning.user_nid(FRAN)
    with db.write():
        for _ in range(3):
            key_signatures.note_private(changes.nid, [bob, fran])
        key_signatures.note_private(bob, [changes.nid])
    move_on()
    assert trim_device_changes() == 4
    assert len(changes.noted("key_signature_change")) == 3
    assert key_signatures.signed_between(changes.nid, 0, 1 << 60) == {bob, fran}


def test_what_has_just_happened_is_left_alone(clients: ClientFactory) -> None:
    changes = Changes(clients)
    changes.add("ONE", "ONE", "ONE")
    move_on()
    assert trim_device_changes() == 0
    assert CHANGES_KEPT >= 1000
