"""Messages to devices, outside of rooms ("Send-to-Device messaging")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import BadJson, TooLarge
from matrix_app.protocol.opaque_text import parse_opaque_text
from matrix_app.services import remote_to_device
from matrix_app.services.client_transaction import Transaction
from matrix_app.services.remote_to_device import LARGEST_MESSAGE, Messages
from matrix_app.services.user_servers import split_by_server
from matrix_app.storage import db, device_messages, devices, interning, staging, transactions
from matrix_app.storage.clock import now_ms
from matrix_app.storage.device_messages import Delivery

EVERY_DEVICE: Final = "*"

# Of all the messages of a request, as they are stored; and how many those are.
LARGEST_TOTAL: Final = 32 * 1024 * 1024
MOST_MESSAGES: Final = 10_000


def send_to_device(requester: Requester, event_type: str, txn_id: str, messages: Messages) -> None:
    """Send a message to each of the devices, once for a transaction ID. Devices that nobody has are skipped.

    Raises `TooLarge` past the limits above.
    """
    txn_id = parse_opaque_text(txn_id, "transaction ID")
    transaction = Transaction.of(requester, f"sendToDevice/{event_type}", txn_id)
    local, remote = split_by_server(messages)
    deliveries = find_deliveries(requester.user_id, event_type, local)
    outgoing = remote_to_device.prepare(requester.user_id, event_type, remote) if remote else []
    if len(outgoing) > MOST_MESSAGES:
        raise TooLarge("These are too many messages to devices at once")
    with db.write():
        if transactions.put_response_once(*transaction, b"{}"):
            device_messages.put_many(deliveries)
            remote_to_device.queue(outgoing)


def deliver_once(origin_nid: int, message_id: str, sender: str, event_type: str, messages: Messages) -> None:
    """Deliver what another server sent to devices of this one's users, once for each of its message IDs."""
    deliveries = find_deliveries(sender, event_type, split_by_server(messages)[0])
    with db.write():
        if staging.first_time(origin_nid, message_id, now_ms()):
            device_messages.put_many(deliveries)


def find_deliveries(sender: str, event_type: str, messages: Messages) -> list[Delivery]:
    """What is to be stored for devices of users of this server; raises `BadRequest` and `TooLarge`."""
    parse_opaque_text(event_type, "event type")
    opening = b'{"type":' + orjson.dumps(event_type) + b',"sender":' + orjson.dumps(sender) + b',"content":'
    of_user = {nid: messages[user_id] for user_id, nid in interning.user_nids(messages).items()}
    for_all: dict[int, bytes] = {}
    deliveries: list[Delivery] = []
    for user_nid, device_id, device_nid in devices.addresses(of_user) if of_user else []:
        contents = of_user[user_nid]
        # What is addressed to one device comes instead of what is addressed to all.
        if device_id in contents:
            message = _encode(opening, contents[device_id])
        elif EVERY_DEVICE in contents:
            message = for_all.get(user_nid) or _encode(opening, contents[EVERY_DEVICE])
            for_all[user_nid] = message
        else:
            continue
        deliveries.append((user_nid, device_nid, message))
    _check_size(deliveries)
    return deliveries


def _encode(opening: bytes, content: dict[str, Any]) -> bytes:
    try:
        message = opening + orjson.dumps(content) + b"}"
    except TypeError as error:
        raise BadJson(f"The content has a number that is too large: {error}") from error
    if len(message) > LARGEST_MESSAGE:
        raise TooLarge(f"A message to a device has at most {LARGEST_MESSAGE} bytes")
    return message


def _check_size(deliveries: Sequence[Delivery]) -> None:
    if len(deliveries) > MOST_MESSAGES or sum(len(message) for _, _, message in deliveries) > LARGEST_TOTAL:
        raise TooLarge("These are too many messages to devices at once")
