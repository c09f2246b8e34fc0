"""`m.direct_to_device`: messages to devices."""

from __future__ import annotations

from typing import Any

from matrix_app.federation.edus.reading import own_user, text
from matrix_app.protocol.errors import BadJson
from matrix_app.protocol.opaque_text import parse_opaque_text
from matrix_app.services.send_to_device import deliver_once


def receive(origin: str, origin_nid: int, content: dict[str, Any]) -> None:
    """Deliver a message to devices of users of this server, once for each message ID."""
    message_id = parse_opaque_text(text(content, "message_id"), "message ID")
    messages = content.get("messages")
    if not isinstance(messages, dict) or not all(_is_by_device(value) for value in messages.values()):
        raise BadJson("messages is not of the form user, device, content")
    sender = own_user(origin, text(content, "sender"))
    deliver_once(origin_nid, message_id, sender, text(content, "type"), messages)


def _is_by_device(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(message, dict) for message in value.values())
