"""Sending events into a room: messages and state."""

from __future__ import annotations

from typing import Any, NamedTuple

from matrix_app.http.requester import Requester
from matrix_app.services.account_state import refuse_suspended
from matrix_app.services.known_rooms import require_room
from matrix_app.services.room_writer import RoomWriter, write_room
from matrix_app.storage import transactions


class Transaction(NamedTuple):
    """A client's transaction ID: the same one on the same path of a device is the same request."""

    device_nid: int
    scope: str
    txn_id: str

    @classmethod
    def of(cls, requester: Requester, scope: str, txn_id: str) -> Transaction:
        """The transaction; who has no device, as application services may, has the user's own scope."""
        return cls(requester.device_nid or -requester.user_nid, scope, txn_id)


def send_message(
    requester: Requester,
    room_id: str,
    event_type: str,
    content: dict[str, Any],
    *,
    txn_id: str,
    origin_server_ts: int | None = None,
) -> str:
    """Send an event that is no state; its ID. A repeated transaction ID answers the first event's."""
    refuse_suspended(requester)
    room = require_room(room_id)
    transaction = Transaction.of(requester, f"send/{room.nid}/{event_type}", txn_id)

    def change(writer: RoomWriter) -> str:
        sent = transactions.find_event(*transaction)
        if sent is not None:
            return sent
        return writer.add(
            sender=requester.user_id,
            type=event_type,
            content=content,
            origin_server_ts=origin_server_ts,
            device_nid=transaction.device_nid,
            txn_scope=transaction.scope,
            txn_id=transaction.txn_id,
        ).event_id

    return write_room(room, change)


def send_state(
    requester: Requester,
    room_id: str,
    event_type: str,
    state_key: str,
    content: dict[str, Any],
    *,
    origin_server_ts: int | None = None,
) -> str:
    """Set an entry of a room's state; the ID of the event that says so, which may be there already."""
    refuse_suspended(requester)
    room = require_room(room_id)

    def change(writer: RoomWriter) -> str:
        present = writer.state(event_type, state_key)
        if present is not None and present.sender == requester.user_id and present.content == content:
            return present.event_id
        return writer.add(
            sender=requester.user_id,
            type=event_type,
            state_key=state_key,
            content=content,
            origin_server_ts=origin_server_ts,
        ).event_id

    return write_room(room, change)
