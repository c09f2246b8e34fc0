"""Ephemeral data of other servers."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from matrix_app.federation import loop
from matrix_app.federation.device_lists import Resync
from matrix_app.federation.inbound import background
from matrix_app.federation.inbound.peers import use_peers
from matrix_app.federation.inbound.transaction import receive_transaction
from matrix_app.storage import device_messages, interning, receipts, remote_devices, typing
from tests.factories.client import Client, ClientFactory
from tests.factories.events import ALICE, BOB
from tests.factories.fake_peers import FakePeers, SignedRoom
from tests.factories.key_servers import KeyServers, RemoteUser
from tests.factories.remote_rooms import JoinedRoom

pytestmark = pytest.mark.django_db(transaction=True)

EVER = (1 << 63) - 1


class Remote:
    """A room of other servers that a client of this one is in, and EDUs that come from b.example."""

    def __init__(self, clients: ClientFactory) -> None:
        self.client: Client = clients.make()
        room = SignedRoom.opened("10")
        assert isinstance(room, SignedRoom)
        room.join(BOB)
        self.room = JoinedRoom(room, self.client.user_id)
        self.room_id = str(room.room_id)
        self.peers = FakePeers(room)
        self._serial = 0

    def send(self, kind: str, content: Any, origin: str = "b.example") -> None:
        """Send one EDU."""
        self._serial += 1
        with use_peers(self.peers):
            body = {"pdus": [], "edus": [{"edu_type": kind, "content": content}]}
            assert orjson.loads(receive_transaction(origin, str(self._serial), body)) == {"pdus": {}}
            background.finish()

    def typing(self) -> list[str]:
        """Who types."""
        nid = self.room.identity.nid
        return list(interning.user_ids(typing.in_rooms([nid], 0, EVER).get(nid, [])).values())

    def read_by(self, user_id: str) -> list[str]:
        """The IDs of the events up to which a user has read."""
        found = receipts.of_user(interning.user_nid(user_id), self.room.identity.nid)
        return [row.event_id for row in found]


@pytest.fixture
def remote(clients: ClientFactory) -> Remote:
    return Remote(clients)


def test_users_type_in_rooms_that_they_are_in(remote: Remote) -> None:
    typing_of = {"room_id": remote.room_id, "typing": True}
    remote.send("m.typing", {**typing_of, "user_id": BOB})
    remote.send("m.typing", {**typing_of, "user_id": "@stranger:b.example"})
    remote.send("m.typing", {**typing_of, "user_id": ALICE})
    assert remote.typing() == [BOB]
    remote.send("m.typing", {**typing_of, "user_id": BOB, "typing": False})
    assert remote.typing() == []


def test_receipts_are_taken_from_the_users_server_alone(remote: Remote) -> None:
    event_id = remote.room.builder.heads[0].event_id
    receipt = {"event_ids": [event_id], "data": {"ts": 5}}
    content = {remote.room_id: {"m.read": {BOB: receipt, ALICE: receipt, "nobody": 7}}}
    remote.send("m.receipt", content)
    assert remote.read_by(BOB) == [event_id]
    assert remote.read_by(ALICE) == []


def test_a_room_that_keeps_the_server_out_takes_no_receipts_and_others_do(
    clients: ClientFactory, remote: Remote
) -> None:
    closed = clients.make().create_room(
        initial_state=[
            {"type": "m.room.server_acl", "content": {"allow": ["*"], "deny": ["b.example"]}},
        ]
    )
    event_id = remote.room.builder.heads[0].event_id
    receipts_of = {"m.read": {BOB: {"event_ids": [event_id], "data": {"ts": 5}}}}
    remote.send("m.receipt", {closed: receipts_of, "nonsense": receipts_of, remote.room_id: receipts_of})
    assert remote.read_by(BOB) == [event_id]


def test_a_message_to_a_device_is_delivered_once(remote: Remote) -> None:
    content = {
        "sender": BOB,
        "type": "m.test",
        "message_id": "one",
        "messages": {remote.client.user_id: {"*": {"hello": 1}}, ALICE: {"*": {}}},
    }
    remote.send("m.direct_to_device", content)
    remote.send("m.direct_to_device", content)
    remote.send("m.direct_to_device", {**content, "sender": ALICE, "message_id": "two"})
    device_nid = remote.client.requester.device_nid
    assert device_nid is not None
    found = device_messages.after(device_nid, 0, EVER, 10)
    assert [orjson.loads(message.content) for message in found] == [
        {"type": "m.test", "sender": BOB, "content": {"hello": 1}}
    ]


@pytest.mark.parametrize("kind", ["m.device_list_update", "m.signing_key_update"])
def test_those_who_share_a_room_learn_of_changed_keys(remote: Remote, kind: str) -> None:
    users = [RemoteUser(BOB, "X"), RemoteUser(ALICE, "X")]
    for user in users:
        content = user.add("X") if kind == "m.device_list_update" else user.cross_sign()
        remote.send(kind, content)
    loop.run(Resync(KeyServers(*users)).run(), 20)
    loop.stop()
    nids = [interning.user_nid(BOB), interning.user_nid(ALICE)]
    assert device_messages.lists_changed(nids, 0, EVER) == {nids[0]}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("m.typing", {}),
        ("m.typing", {"room_id": 7, "user_id": BOB}),
        ("m.typing", {"room_id": "nonsense", "user_id": BOB, "typing": True}),
        ("m.receipt", {"!room:a.example": 7, "nonsense": {"m.read": {}}}),
        ("m.presence", {"push": [7, {"user_id": BOB}, {"user_id": "bob", "presence": "online"}]}),
        ("m.presence", {"push": 7}),
        ("m.direct_to_device", {"message_id": "x", "sender": BOB, "type": "t", "messages": {"a": 7}}),
        ("m.direct_to_device", {"message_id": "x" * 300, "sender": BOB, "type": "t", "messages": {}}),
        ("m.device_list_update", {"user_id": "\0"}),
        ("m.device_list_update", {"user_id": BOB, "device_id": 5, "stream_id": 1}),
        ("m.device_list_update", {"user_id": BOB, "device_id": "D", "stream_id": True}),
        ("m.device_list_update", {"user_id": BOB, "device_id": "D", "stream_id": 1 << 60}),
        ("m.device_list_update", {"user_id": BOB, "device_id": "D", "stream_id": 1, "prev_id": ["x"]}),
        ("m.device_list_update", {"user_id": BOB, "device_id": "D", "stream_id": 1, "keys": [1]}),
        ("m.device_list_update", {"user_id": BOB, "device_id": "D" * 300, "stream_id": 1, "deleted": True}),
        ("m.signing_key_update", {"user_id": BOB, "master_key": 5}),
        ("m.signing_key_update", {"user_id": BOB, "master_key": {"user_id": ALICE}}),
        ("m.unheard_of", {"anything": 1}),
        ("m.typing", 7),
    ],
)
def test_what_is_malformed_disturbs_nobody(remote: Remote, kind: str, content: Any) -> None:
    remote.send(kind, content)
    assert remote.typing() == []
    assert remote_devices.of_users([interning.user_nid(BOB)]) == {}
