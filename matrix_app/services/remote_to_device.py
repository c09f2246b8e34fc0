"""Messages to devices of users of other servers, on their way out."""

from __future__ import annotations

from collections.abc import Mapping
from secrets import token_urlsafe
from typing import Any, Final

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.ids import domain_of
from matrix_app.storage import interning, outbound_edus
from matrix_app.storage.local_server import local_server_name

# For a server that does not take them; looked at after every so many.
MOST_WAITING: Final = 10_000
LOOKED_AT: Final = 64


def queue(sender: str, event_type: str, messages: Mapping[str, Mapping[str, dict[str, Any]]]) -> None:
    """Have messages sent to the servers of those users who are not of this one, by user and device ID.

    To be called inside a write transaction. The messages wait until their servers have taken them, though
    not for ever, nor any number of them.
    """
    by_server: dict[str, dict[str, Any]] = {}
    for user_id, of_devices in messages.items():
        server = str(domain_of(user_id))
        if server != local_server_name() and of_devices:
            by_server.setdefault(server, {})[user_id] = dict(of_devices)
    if not by_server:
        return
    rows = []
    for server, of_users in by_server.items():
        content = {
            "sender": sender,
            "type": event_type,
            "message_id": token_urlsafe(12),
            "messages": of_users,
        }
        rows.append((interning.server_nid(server), encode_canonical(content, lenient=True)))
    newest = outbound_edus.put_messages(rows)
    for (server_nid, _), nid in zip(rows, newest, strict=True):
        if nid % LOOKED_AT == 0:
            outbound_edus.drop_oldest(server_nid, MOST_WAITING)
