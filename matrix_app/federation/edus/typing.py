"""`m.typing`: who types in a room."""

from __future__ import annotations

from typing import Any

from matrix_app.federation.edus.reading import joined_nid, own_user, room_of, text
from matrix_app.services.typing import receive_typing


def receive(origin: str, content: dict[str, Any]) -> None:
    """A user of the other server starts or stops to type."""
    user_id = own_user(origin, text(content, "user_id"))
    room = room_of(origin, text(content, "room_id"))
    if room is not None:
        receive_typing(room.nid, joined_nid(room, user_id), is_typing=content.get("typing") is True)
