"""Messages to devices, outside of rooms ("Send-to-Device messaging")."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from matrix_app.http.requester import Requester
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import TooLarge
from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.protocol.opaque_text import parse_opaque_text
from matrix_app.services.client_transaction import Transaction
from matrix_app.storage import db, device_messages, devices, interning, transactions
from matrix_app.storage.device_messages import Delivery
from matrix_app.storage.local_server import local_server_name

EVERY_DEVICE: Final = "*"

# Of one message; of all the messages of a request, as they are stored; and how many those are.
LARGEST_MESSAGE: Final = 65_536
LARGEST_TOTAL: Final = 32 * 1024 * 1024
MOST_MESSAGES: Final = 10_000

# User ID to device ID (or `*`) to content.
Messages = Mapping[str, Mapping[str, dict[str, Any]]]


def send_to_device(requester: Requester, event_type: str, txn_id: str, messages: Messages) -> None:
    """Send a message to each of the devices, once for a transaction ID. Devices that nobody has are skipped.

    Raises `TooLarge` past the limits above.
    """
    txn_id = parse_opaque_text(txn_id, "transaction ID")
    transaction = Transaction.of(requester, f"sendToDevice/{event_type}", txn_id)
    deliveries = find_deliveries(requester.user_id, event_type, messages)
    with db.write():
        if transactions.put_response_once(*transaction, b"{}"):
            device_messages.put_many(deliveries)


def find_deliveries(sender: str, event_type: str, messages: Messages) -> list[Delivery]:
    """What is to be stored for devices of local users; raises `InvalidParam` and `TooLarge`."""
    parse_opaque_text(event_type, "event type")
    server = local_server_name()
    local = [user_id for user_id in messages if domain_of(parse_user_id(user_id)) == server]
    nids = interning.user_nids(local)
    of_user: dict[int, dict[str, int]] = {}
    for device in devices.addresses(nids.values()) if nids else []:
        of_user.setdefault(device.user_nid, {})[device.device_id] = device.nid
    prefix = b'{"type":' + encode_canonical(event_type) + b',"sender":' + encode_canonical(sender)
    deliveries: list[Delivery] = []
    total = 0
    for user_id, nid in nids.items():
        to_user = _to_user(nid, of_user.get(nid, {}), messages[user_id], prefix + b',"content":')
        deliveries += to_user
        total += sum(len(delivery.content) for delivery in to_user)
        if len(deliveries) > MOST_MESSAGES or total > LARGEST_TOTAL:
            raise TooLarge("These are too many messages to devices at once")
    return deliveries


def _to_user(
    user_nid: int, known: Mapping[str, int], contents: Mapping[str, dict[str, Any]], prefix: bytes
) -> list[Delivery]:
    # What is addressed to one device comes instead of what is addressed to all.
    encoded: dict[str, bytes] = {}
    for device_id, content in contents.items():
        message = prefix + encode_canonical(content, lenient=True) + b"}"
        if len(message) > LARGEST_MESSAGE:
            raise TooLarge(f"A message to a device has at most {LARGEST_MESSAGE} bytes")
        if device_id == EVERY_DEVICE:
            encoded = {**dict.fromkeys(known, message), **encoded}
        elif device_id in known:
            encoded[device_id] = message
    return [Delivery(user_nid, known[device_id], message) for device_id, message in encoded.items()]
