"""What services need to encrypt for their users: messages to devices, keys, device lists."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from matrix_app.appservices import encryption, pump
from matrix_app.storage import device_messages, devices
from tests.factories.bridges import TOKEN, FakeBridges, make_ghost, serving, write_registration
from tests.factories.client import ClientFactory
from tests.factories.sending import wait_until
from tests.factories.settings import settings
from tests.factories.visitor import Reply, ask

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = "org.matrix.msc3202"


@pytest.fixture
def bridges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBridges]:
    monkeypatch.setattr(pump, "TICK_SECONDS", 0.05)
    extra = {"org.matrix.msc3202": True, "io.element.msc4190": True}
    files = (write_registration(tmp_path, **extra),)
    with settings(app_services={"registration_files": files}):
        yield FakeBridges()


class Ghost:
    """A user of the bridge with a device."""

    def __init__(self) -> None:
        self.user_id = make_ghost("_bridge_ben")
        assert self.act("PUT", "/devices/GHOST", {"display_name": "Bridge"}, device=False).status == 201

    def act(self, method: str, path: str, body: Any = None, *, device: bool = True) -> Reply:
        """The bridge acts as the user, on the device."""
        masquerade = f"?user_id={quote(self.user_id)}" + ("&device_id=GHOST" if device else "")
        return ask(method, path + masquerade, body, token=TOKEN)

    @property
    def device_nid(self) -> int:
        from matrix_app.storage import interning

        found = devices.find(interning.user_nid(self.user_id), "GHOST")
        assert found is not None
        return found.nid


def one_time_keys(count: int) -> dict[str, Any]:
    return {f"curve25519:AAA{number}": f"key{number}" for number in range(count)}


def test_messages_to_devices_of_a_services_users_come_by_transactions_once(
    clients: ClientFactory, bridges: FakeBridges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "MOST_MESSAGES", 2)
    with serving(bridges):
        ghost, alice = Ghost(), clients.make()
        bridges.status = 500
        for number in range(5):
            content = {"messages": {ghost.user_id: {"GHOST": {"number": number}}}}
            assert alice.put(f"/sendToDevice/m.test/t{number}", content).status == 200
        wait_until(lambda: bridges.attempts)
        assert len(device_messages.after(ghost.device_nid, 0, 1 << 62, 10)) == 5
        bridges.status = 200
        wait_until(lambda: len(bridges.items("de.sorunome.msc2409.to_device")) == 5)
        wait_until(lambda: device_messages.oldest(ghost.device_nid) is None)
    found = bridges.items("de.sorunome.msc2409.to_device")
    assert [message["content"]["number"] for message in found] == list(range(5))
    assert found[0] == {
        "type": "m.test",
        "sender": alice.user_id,
        "content": {"number": 0},
        "to_user_id": ghost.user_id,
        "to_device_id": "GHOST",
    }


def test_many_devices_share_a_transaction_of_bounded_size(
    clients: ClientFactory, bridges: FakeBridges, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encryption, "MOST_OF_ALL", 2)
    with serving(bridges):
        ghost, alice = Ghost(), clients.make()
        for number in range(4):
            ghost.act("PUT", f"/devices/GHOST{number}", {}, device=False)
        messages: dict[str, Any] = {"messages": {ghost.user_id: {"*": {}}}}
        assert alice.put("/sendToDevice/m.test/t", messages).status == 200
        wait_until(lambda: len(bridges.items("de.sorunome.msc2409.to_device")) == 5)
    sizes = [len(body.get("de.sorunome.msc2409.to_device", ())) for _, _, body in bridges.transactions]
    assert max(sizes) == 2


def test_messages_to_people_are_not_taken_from_them(clients: ClientFactory, bridges: FakeBridges) -> None:
    with serving(bridges):
        alice, person = clients.make(), clients.make("_bridge_person")
        alice.put("/sendToDevice/m.test/t", {"messages": {person.user_id: {"*": {}}}})
        ghost = Ghost()
        alice.put("/sendToDevice/m.test/u", {"messages": {ghost.user_id: {"*": {}}}})
        wait_until(lambda: bridges.items("de.sorunome.msc2409.to_device"))
    assert len(bridges.items("de.sorunome.msc2409.to_device")) == 1
    assert person.requester.device_nid is not None
    assert device_messages.oldest(person.requester.device_nid) is not None


def test_a_service_learns_how_many_one_time_keys_are_left(
    clients: ClientFactory, bridges: FakeBridges
) -> None:
    with serving(bridges):
        ghost, alice = Ghost(), clients.make()
        assert ghost.act("POST", "/keys/upload", {"one_time_keys": one_time_keys(3)}).status == 200
        claim = {"one_time_keys": {ghost.user_id: {"GHOST": "curve25519"}}}
        assert alice.post("/keys/claim", claim).status == 200

        def counts() -> list[Any]:
            bodies = [body for _, _, body in bridges.transactions]
            return [
                body[f"{KEYS}.device_one_time_keys_count"][ghost.user_id]["GHOST"]
                for body in bodies
                if f"{KEYS}.device_one_time_keys_count" in body
            ]

        wait_until(lambda: counts() and counts()[-1] == {"signed_curve25519": 0, "curve25519": 2})
    unused = bridges.transactions[-1][2][f"{KEYS}.device_unused_fallback_key_types"]
    assert unused == {ghost.user_id: {"GHOST": []}}


def test_a_service_learns_whose_devices_changed_and_who_is_gone(
    clients: ClientFactory, bridges: FakeBridges
) -> None:
    def changes(kind: str) -> set[str]:
        bodies = [body for _, _, body in bridges.transactions]
        return {user for body in bodies for user in body.get(f"{KEYS}.device_lists", {}).get(kind, ())}

    with serving(bridges):
        ghost, alice, stranger = Ghost(), clients.make(), clients.make()
        room_id = alice.create_room(preset="public_chat")
        assert ghost.act("POST", f"/rooms/{quote(room_id)}/join", {}).status == 200
        for client in (stranger, alice):
            assert client.put("/devices/DEVICE", {"display_name": "New name"}).status == 200
        wait_until(lambda: alice.user_id in changes("changed"))
        assert stranger.user_id not in changes("changed")
        assert stranger.change(room_id, "join").status == 200
        wait_until(lambda: stranger.user_id in changes("changed"))
        assert stranger.change(room_id, "leave").status == 200
        wait_until(lambda: stranger.user_id in changes("left"))


def test_a_service_that_does_not_encrypt_gets_none_of_it(clients: ClientFactory, tmp_path: Path) -> None:
    bridges = FakeBridges()
    files = (write_registration(tmp_path, receive_ephemeral=True),)
    with settings(app_services={"registration_files": files}), serving(bridges):
        ghost, alice = Ghost(), clients.make()
        alice.put("/sendToDevice/m.test/t", {"messages": {ghost.user_id: {"*": {}}}})
        room_id = alice.create_room(preset="public_chat")
        ghost.act("POST", f"/rooms/{quote(room_id)}/join", {})
        last = alice.send(room_id).body["event_id"]
        wait_until(lambda: bridges.has_event(last))
    assert all(set(body) <= {"events", "ephemeral"} for _, _, body in bridges.transactions)
    assert device_messages.oldest(ghost.device_nid) is not None
