"""Clients' transaction IDs ("Transaction identifiers" of the client-server API)."""

from __future__ import annotations

from typing import Any, NamedTuple

from matrix_app.http.requester import Requester
from matrix_app.services.room_writer import RoomWriter
from matrix_app.storage import transactions


class Transaction(NamedTuple):
    """A client's transaction ID: the same one on the same path of a device is the same request.

    The scope stands for the path, and names the room: all that a room is sent goes through its writer one
    by one, so a request that is repeated while the first is under way finds what the first has sent.
    """

    device_nid: int
    scope: str
    txn_id: str

    @classmethod
    def of(cls, requester: Requester, scope: str, txn_id: str) -> Transaction:
        """The transaction; who has no device, as application services may, has a scope of the user's own."""
        return cls(requester.device_nid or -requester.user_nid, scope, txn_id)


def add_once(room: RoomWriter, transaction: Transaction | None, **event: Any) -> str:
    """Add an event, unless the transaction has led to one already; the ID of the one or the other."""
    if transaction is None:
        return room.add(**event).event_id
    sent = transactions.find_event(*transaction)
    if sent is not None:
        return sent
    added = room.add(
        **event,
        device_nid=transaction.device_nid,
        txn_scope=transaction.scope,
        txn_id=transaction.txn_id,
    )
    return added.event_id
