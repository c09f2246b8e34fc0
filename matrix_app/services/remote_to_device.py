"""Messages to devices of users of other servers, on their way out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from secrets import token_urlsafe
from typing import Any, Final

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import TooLarge
from matrix_app.storage import interning, outbound_edus

# Of one message; and of an EDU, as long as it has more than one message.
LARGEST_MESSAGE: Final = 65_536
LARGEST_EDU: Final = 65_536
# For a server that does not take them; looked at after every so many.
MOST_WAITING: Final = 10_000
LOOKED_AT: Final = 64

# User ID to device ID (or `*`) to content.
Messages = Mapping[str, Mapping[str, dict[str, Any]]]
# The name of a server, and the content of an `m.direct_to_device`.
Outgoing = tuple[str, bytes]


def prepare(sender: str, event_type: str, by_server: Mapping[str, Messages]) -> list[Outgoing]:
    """What is to be sent to each server; raises `TooLarge` for a message beyond the limit."""
    return [
        (server, _edu(sender, event_type, part))
        for server, messages in by_server.items()
        for part in _parts(messages)
    ]


def _edu(sender: str, event_type: str, messages: Messages) -> bytes:
    content = {
        "sender": sender,
        "type": event_type,
        "message_id": token_urlsafe(12),
        "messages": messages,
    }
    return encode_canonical(content, lenient=True)


def _parts(messages: Messages) -> Iterator[Messages]:
    """The messages in pieces that make EDUs of a bearable size, each with an ID of its own."""
    part: dict[str, dict[str, Any]] = {}
    size = 0
    for user_id, of_devices in messages.items():
        for device_id, content in of_devices.items():
            length = len(encode_canonical(content, lenient=True))
            if length > LARGEST_MESSAGE:
                raise TooLarge(f"A message to a device has at most {LARGEST_MESSAGE} bytes")
            if part and size + length > LARGEST_EDU:
                yield part
                part, size = {}, 0
            part.setdefault(user_id, {})[device_id] = content
            size += length + len(user_id) + len(device_id)
    if part:
        yield part


def queue(outgoing: Sequence[Outgoing]) -> None:
    """Have what was prepared sent. To be called inside a write transaction.

    The messages wait until their servers have taken them, though not for ever, nor any number of them.
    """
    if not outgoing:
        return
    nids = {server: interning.server_nid(server) for server in dict(outgoing)}
    newest = outbound_edus.put_messages([(nids[server], content) for server, content in outgoing])
    for (server, _), nid in zip(outgoing, newest, strict=True):
        if nid % LOOKED_AT == 0:
            outbound_edus.drop_oldest(nids[server], MOST_WAITING)
