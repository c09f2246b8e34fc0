"""What is sent to a server at once ("Transactions" of the server-server API)."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from appliance.config import get_config
from matrix_app.federation.sender.queue import Batch
from matrix_app.protocol.redaction import redact
from matrix_app.services.query_keys import query_known_keys
from matrix_app.storage import devices, events, interning, outbound, outbound_devices, outbound_edus
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.outbound import OwedEvent
from matrix_app.storage.outbound_devices import OwedDevice, OwedList
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
    edus = [edu for item in batch.owed if not isinstance(item, OwedEvent) for edu in _device_edus(item)]
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


def _device_edus(owed: OwedDevice | OwedList) -> list[dict[str, Any]]:
    change = owed
    if isinstance(change, OwedList):
        # The latest change, which does not follow on anything that the server knows, has it ask for the list.
        latest = outbound_devices.latest_change(change.user_nid)
        if latest is None:
            return []
        change = latest
    user_id = interning.user_id_of(change.user_nid)
    return _signing_keys(user_id) if change.device_id is None else [_device_update(user_id, change)]


def _device_update(user_id: str, change: OwedDevice) -> dict[str, Any]:
    device_id = str(change.device_id)
    content: dict[str, Any] = {
        "user_id": user_id,
        "device_id": device_id,
        "stream_id": change.position,
        "prev_id": [] if change.previous is None else [change.previous],
    }
    device = devices.find(change.user_nid, device_id)
    if device is None:
        return {"edu_type": "m.device_list_update", "content": {**content, "deleted": True}}
    keys = _plain(query_known_keys({user_id: [device_id]}, names=False).device_keys)
    if device_id in keys.get(user_id, {}):
        content["keys"] = keys[user_id][device_id]
    if device.display_name is not None and get_config().federation.tell_device_names:
        content["device_display_name"] = device.display_name
    return {"edu_type": "m.device_list_update", "content": content}


def _signing_keys(user_id: str) -> list[dict[str, Any]]:
    found = query_known_keys({user_id: []}, names=False)
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
