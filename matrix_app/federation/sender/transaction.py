"""What is sent to a server at once ("Transactions" of the server-server API)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from matrix_app.federation.sender.queue import Batch
from matrix_app.protocol.redaction import redact
from matrix_app.services.query_keys import query_local_keys
from matrix_app.storage import devices, events, interning, outbound, outbound_edus
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.outbound import OwedDevice, OwedEvent
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
    edus = [edu for item in batch.owed if isinstance(item, OwedDevice) for edu in _device_edus(item)]
    edus += [_message(message) for message in messages]
    edus += [{"edu_type": edu.edu_type, "content": edu.content} for edu in batch.passing]
    content = {"origin": local_server_name(), "origin_server_ts": now_ms(), "pdus": pdus, "edus": edus}
    return Transaction(batch.txn_id or _txn_id(batch, edus), content, [message.nid for message in messages])


def _txn_id(batch: Batch, edus: Sequence[dict[str, Any]]) -> str:
    """An ID that is the same when the same is sent again, and only then."""
    positions = [item.position for item in batch.owed]
    digest = sha256(orjson.dumps([positions, edus])).hexdigest()[:20]
    return f"{positions[-1] if positions else 0}-{digest if positions or edus else now_ms()}"


def _pdus(owed: Sequence[OwedEvent]) -> list[dict[str, Any]]:
    nids = [item.nid for item in owed]
    found = events.events_by_nid(nids)
    redacted = outbound.redacted_among(nids)
    # An event that was removed while its server was away arrives as what is left of it.
    return [
        redact(found[nid].pdu, found[nid].rules) if nid in redacted else found[nid].pdu
        for nid in nids
        if nid in found
    ]


def _message(message: QueuedMessage) -> dict[str, Any]:
    return {"edu_type": "m.direct_to_device", "content": orjson.loads(message.content)}


def _device_edus(change: OwedDevice) -> list[dict[str, Any]]:
    user_id = interning.user_id_of(change.user_nid)
    if change.device_id is None:
        return _signing_keys(user_id)
    previous = outbound.previous_device_change(change.user_nid, change.position)
    content: dict[str, Any] = {
        "user_id": user_id,
        "device_id": change.device_id,
        "stream_id": change.position,
        "prev_id": [] if previous is None else [previous],
    }
    if devices.find(change.user_nid, change.device_id) is None:
        content["deleted"] = True
    else:
        keys = _plain(query_local_keys({user_id: [change.device_id]}, names=False).device_keys)
        if change.device_id in keys.get(user_id, {}):
            content["keys"] = keys[user_id][change.device_id]
    return [{"edu_type": "m.device_list_update", "content": content}]


def _signing_keys(user_id: str) -> list[dict[str, Any]]:
    found = query_local_keys({user_id: []}, names=False)
    keys = {
        "master_key": _plain(found.master_keys).get(user_id),
        "self_signing_key": _plain(found.self_signing_keys).get(user_id),
    }
    known = {name: key for name, key in keys.items() if key is not None}
    return [{"edu_type": "m.signing_key_update", "content": {"user_id": user_id, **known}}] if known else []


def _plain(found: dict[str, Any]) -> dict[str, Any]:
    # Keys are pieces of JSON that were never parsed.
    plain: dict[str, Any] = orjson.loads(orjson.dumps(found))
    return plain
