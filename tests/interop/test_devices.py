"""Device keys, cross-signing, device lists and messages to devices between two servers."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from tests.interop.conftest import Pair
from tests.interop.keys import CrossSigningKeys, DeviceKeys, ask, claim, query
from tests.interop.people import Person, eventually
from tests.interop.rooms import common_room

pytestmark = pytest.mark.slow


def test_keys_of_a_device_at_the_other_server_can_be_queried_and_claimed(alice: Person, bob: Person) -> None:
    for owner, asker in ((alice, bob), (bob, alice)):
        device = DeviceKeys(owner)
        one_time = device.upload(2)
        found = query(asker, owner)["device_keys"][owner.user_id][owner.device_id]
        assert {name: found[name] for name in device.keys} == device.keys
        claimed = [claim(asker, owner) for _ in range(3)]
        assert claimed[0] | claimed[1] == one_time
        assert claimed[2] == {}


def test_cross_signing_keys_are_known_at_the_other_server(alice: Person, bob: Person) -> None:
    common_room(alice, bob, "12")
    for owner, asker in ((alice, bob), (bob, alice)):
        DeviceKeys(owner).upload()
        keys = CrossSigningKeys(owner)
        keys.upload()
        # The other server may refuse while it is fetching the list because of the upload.
        found = eventually(lambda: known(ask(asker, owner), owner))  # noqa: B023
        assert found["master_keys"][owner.user_id]["keys"] == keys.master["keys"]
        assert found["self_signing_keys"][owner.user_id]["keys"] == keys.self_signing["keys"]
        assert owner.user_id not in found.get("user_signing_keys", {})


def known(answer: dict[str, Any], owner: Person) -> dict[str, Any] | None:
    """The answer, when it has somebody's cross-signing keys."""
    return answer if owner.user_id in answer.get("self_signing_keys", {}) else None


def test_a_new_device_and_its_end_are_noticed_at_the_other_server(alice: Person, bob: Person) -> None:
    common_room(alice, bob, "12")
    for owner, watcher in ((alice, bob), (bob, alice)):
        DeviceKeys(owner).upload()
        eventually(lambda: owner.device_id in devices_of(owner, watcher))  # noqa: B023
        watcher.sync()
        watcher.notes.changed_devices.clear()
        second = owner.second_device()
        DeviceKeys(second).upload()
        watcher.until(lambda notes: owner.user_id in notes.changed_devices)  # noqa: B023
        eventually(lambda: second.device_id in devices_of(owner, watcher))  # noqa: B023
        watcher.notes.changed_devices.clear()
        second.post("logout")
        watcher.until(lambda notes: owner.user_id in notes.changed_devices)  # noqa: B023
        eventually(lambda: devices_of(owner, watcher) == {owner.device_id})  # noqa: B023


def test_devices_that_changed_while_the_other_server_was_away_are_noticed_after_it(
    pair: Pair, alice: Person, bob: Person
) -> None:
    common_room(alice, bob, "12")
    DeviceKeys(alice).upload()
    gone = alice.second_device()
    DeviceKeys(gone).upload()
    eventually(lambda: devices_of(alice, bob) == {alice.device_id, gone.device_id})
    # From here on Bob is told of everything that his server learns, however early.
    bob.sync()
    bob.notes.changed_devices.clear()
    gates = pair.neighbourhood.gates
    gates.cut(pair.guest.gate)
    try:
        new = alice.second_device()
        DeviceKeys(new).upload()
        gone.post("logout")
    finally:
        gates.join(pair.guest.gate)
    # The other server shows life.
    bob.get("profile", alice.user_id)
    bob.until(lambda notes: alice.user_id in notes.changed_devices)
    eventually(lambda: devices_of(alice, bob) == {alice.device_id, new.device_id})


def devices_of(owner: Person, asker: Person) -> set[str]:
    """Somebody's devices, as another's server knows them."""
    return set(query(asker, owner)["device_keys"].get(owner.user_id, {}))


def test_messages_to_devices_arrive_once_and_in_order(alice: Person, bob: Person) -> None:
    for sender, receiver in ((alice, bob), (bob, alice)):
        receiver.sync()
        for number in range(5):
            send(sender, receiver, number)
        receiver.until(lambda notes: len(notes.messages) >= 5)
        assert [m["content"]["number"] for m in receiver.notes.messages] == list(range(5))
        assert {(m["sender"], m["type"]) for m in receiver.notes.messages} == {
            (sender.user_id, "org.example")
        }


def test_messages_to_devices_wait_while_the_other_server_cannot_be_reached(
    pair: Pair, alice: Person, bob: Person
) -> None:
    bob.sync()
    send(alice, bob, 0)
    bob.until(lambda notes: notes.messages)
    gates = pair.neighbourhood.gates
    gates.cut(pair.guest.gate)
    try:
        for number in (1, 2, 3):
            send(alice, bob, number)
    finally:
        gates.join(pair.guest.gate)
    # The other server shows life.
    bob.get("profile", alice.user_id)
    bob.until(lambda notes: len(notes.messages) >= 4)
    assert [m["content"]["number"] for m in bob.notes.messages] == [0, 1, 2, 3]


def send(sender: Person, receiver: Person, number: int) -> None:
    messages = {receiver.user_id: {receiver.device_id: {"number": number}}}
    sender.put("sendToDevice", "org.example", secrets.token_hex(8), body={"messages": messages})
