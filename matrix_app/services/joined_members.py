"""The joined members of a room with the names that they go by there."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden
from matrix_app.services.known_rooms import require_room
from matrix_app.storage import history, members
from matrix_app.storage.members import Membership


class _Names(msgspec.Struct):
    displayname: Any = None
    avatar_url: Any = None


class _MemberEvent(msgspec.Struct):
    content: _Names


_DECODER: Final = msgspec.json.Decoder(_MemberEvent)


def joined_members(room_id: str, reader: Requester) -> dict[str, dict[str, str | None]]:
    """By user ID: `display_name` and `avatar_url`, null where there is none; raises `Forbidden` for who is not joined."""
    room = require_room(room_id)
    member = members.get(room.nid, reader.user_nid)
    if member is None or member.membership != Membership.JOIN:
        raise Forbidden("You are not in this room")
    return {user_id: _names(stored) for user_id, stored in history.joined_member_events(room.nid)}


def _names(stored: bytes) -> dict[str, str | None]:
    content = _DECODER.decode(stored).content
    names = {"display_name": content.displayname, "avatar_url": content.avatar_url}
    return {key: value if isinstance(value, str) else None for key, value in names.items()}
