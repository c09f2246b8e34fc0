"""`m.receipt`: how far users have read."""

from __future__ import annotations

from typing import Any

from matrix_app.federation.edus.reading import joined_nid, own_user, room_of
from matrix_app.federation.inbound.refusals import refused
from matrix_app.protocol.errors import BadJson, MatrixError
from matrix_app.services.receipts import receive_receipt
from matrix_app.storage.clock import now_ms
from matrix_app.storage.rooms import RoomIdentity


def receive(origin: str, content: dict[str, Any]) -> None:
    """Receipts of users of the other server; one that is wrong keeps the others from nothing.

    Nor does a room whose list keeps the server out: "all receipts for a particular room ID MUST be ignored".
    """
    for room_id, by_type in content.items():
        # Only public receipts are for others to see.
        found = by_type.get("m.read") if isinstance(by_type, dict) else None
        try:
            room = room_of(origin, room_id)
        except MatrixError as error:
            refused("receipt", origin=origin, room_id=room_id, error=error.message)
            continue
        if room is not None and isinstance(found, dict):
            _receive_all(origin, room, found)


def _receive_all(origin: str, room: RoomIdentity, found: dict[str, Any]) -> None:
    for user_id, receipt in found.items():
        try:
            _receive_one(origin, room, user_id, receipt)
        except MatrixError as error:
            refused("receipt", origin=origin, user_id=user_id, error=error.message)


def _receive_one(origin: str, room: RoomIdentity, user_id: str, receipt: Any) -> None:
    user_nid = joined_nid(room, own_user(origin, user_id))
    event_ids = receipt.get("event_ids") if isinstance(receipt, dict) else None
    if not isinstance(event_ids, list) or not event_ids or not isinstance(event_ids[0], str):
        raise BadJson("event_ids names no event")
    data = receipt.get("data")
    data = data if isinstance(data, dict) else {}
    thread_id, ts = data.get("thread_id"), data.get("ts")
    receive_receipt(
        room,
        user_nid,
        event_ids[0],
        thread_id=thread_id if isinstance(thread_id, str) and thread_id else None,
        ts=ts if type(ts) is int and 0 <= ts < 1 << 53 else now_ms(),
    )
