"""What is sent to a server at once ("Transactions" of the server-server API)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from secrets import token_urlsafe
from typing import Any, NamedTuple

import orjson

from matrix_app.federation.sender.device_edus import device_edus
from matrix_app.federation.sender.queue import Batch
from matrix_app.protocol.redaction import redact
from matrix_app.storage import events, outbound_edus
from matrix_app.storage.clock import now_ms
from matrix_app.storage.events import EventRow
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.outbound import OwedEvent
from matrix_app.storage.outbound_edus import QueuedMessage


class Transaction(NamedTuple):
    """The body, its ID, and the messages to devices that are in it."""

    txn_id: str
    content: dict[str, Any]
    message_nids: list[int]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing in it."""
        return not (self.content["pdus"] or self.content["edus"])


def build(server_nid: int, batch: Batch) -> Transaction:
    """The transaction of a batch, and of the messages to devices that have room in it."""
    messages = outbound_edus.oldest_messages(server_nid, batch.messages) if batch.messages else []
    pdus = _pdus([item for item in batch.owed if isinstance(item, OwedEvent)])
    edus = device_edus([item for item in batch.owed if not isinstance(item, OwedEvent)])
    edus += [_message(message) for message in messages]
    edus += [{"edu_type": edu.edu_type, "content": edu.content} for edu in batch.passing]
    content = {"origin": local_server_name(), "origin_server_ts": now_ms(), "pdus": pdus, "edus": edus}
    return Transaction(batch.txn_id or _txn_id(batch, edus), content, [message.nid for message in messages])


def _txn_id(batch: Batch, edus: Sequence[dict[str, Any]]) -> str:
    """An ID that no other transaction to the server has had.

    Who types, or who is online, is told in the same words again and again: what a server has had under an
    ID it passes over for weeks.
    """
    positions = [item.position for item in batch.owed]
    if not positions:
        return f"0-{now_ms()}-{token_urlsafe(6)}"
    digest = sha256(orjson.dumps([positions, edus])).hexdigest()[:20]
    return f"{positions[-1]}-{digest}"


def _pdus(owed: Sequence[OwedEvent]) -> list[dict[str, Any]]:
    nids = [item.nid for item in owed]
    rows = events.rows_by_nid(nids)
    return [_pdu(rows[nid]) for nid in nids if nid in rows]


def _pdu(row: EventRow) -> dict[str, Any]:
    event = events.parse(row)
    # An event that was removed while its server was away arrives as what is left of it.
    return event.pdu if row.redacted_by_nid is None else redact(event.pdu, event.rules)


def _message(message: QueuedMessage) -> dict[str, Any]:
    return {"edu_type": "m.direct_to_device", "content": orjson.loads(message.content)}
