"""Rooms that a user must be in for what they ask."""

from __future__ import annotations

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden
from matrix_app.services.known_rooms import require_room
from matrix_app.storage import members
from matrix_app.storage.members import Membership
from matrix_app.storage.rooms import RoomIdentity


def require_joined(requester: Requester, room_id: str) -> RoomIdentity:
    """A room in which the user is; raises `Forbidden` for every other, `InvalidParam` for no room ID."""
    room = require_room(room_id)
    member = members.get(room.nid, requester.user_nid)
    if member is None or member.membership != Membership.JOIN:
        raise Forbidden("You are not in this room")
    return room
