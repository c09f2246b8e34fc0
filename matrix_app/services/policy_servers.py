"""Policy servers of rooms: whose signature an event has to have ("Policy Servers", server-server API)."""

from __future__ import annotations

from typing import Final, NamedTuple

from matrix_app.protocol.errors import InvalidParam, InvalidSignature
from matrix_app.protocol.events import Event, type_and_key
from matrix_app.protocol.signing import POLICY_KEY_ID, verify_event
from matrix_app.protocol.unpadded_base64 import decode_base64
from matrix_app.storage import members
from matrix_app.storage.rooms import RoomIdentity

POLICY: Final[type_and_key] = ("m.room.policy", "")


class PolicyServer(NamedTuple):
    """Who checks the events of a room, and the key that the room knows it by."""

    name: str
    verify_key: bytes


class UnrecommendedError(Exception):
    """An event lacks the valid signature of its room's policy server."""

    def __init__(self, policy: PolicyServer) -> None:
        self.policy = policy
        super().__init__(f"not signed by {policy.name}")


def policy_server(room: RoomIdentity, policy: Event | None) -> PolicyServer | None:
    """The policy server that a room uses at present; `policy` is `POLICY` in its present state.

    None where the event is not there or not valid, or nobody of that server is in the room.
    """
    if policy is None:
        return None
    via, keys = policy.content.get("via"), policy.content.get("public_keys")
    key = keys.get("ed25519") if isinstance(keys, dict) else None
    if not isinstance(via, str) or not isinstance(key, str) or not members.is_server_in(room.nid, via):
        return None
    return PolicyServer(via, _decoded(key))


def _decoded(key: str) -> bytes:
    try:
        return decode_base64(key)
    except InvalidParam:
        return b""  # a room that is kept by a key which nothing can be signed with


def lacking(room: RoomIdentity, event: Event, policy: Event | None) -> PolicyServer | None:
    """The policy server whose valid signature an event lacks; None where it has it or needs none.

    `policy` is `POLICY` in the room's present state.
    """
    if (event.type, event.state_key) == POLICY:
        return None
    server = policy_server(room, policy)
    return None if server is None or is_signed(event, server) else server


def is_signed(event: Event, server: PolicyServer) -> bool:
    """Whether an event has a policy server's valid signature."""
    try:
        verify_event(event.pdu, event.rules, server.name, POLICY_KEY_ID, server.verify_key)
    except InvalidSignature:
        return False
    return True
