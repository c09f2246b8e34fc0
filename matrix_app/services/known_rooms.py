"""Rooms as requests name them: known or not, and whether this server takes part in them."""

from __future__ import annotations

from matrix_app.protocol.errors import Forbidden, InvalidParam
from matrix_app.protocol.ids import parse_room_id
from matrix_app.storage import members, rooms, summaries
from matrix_app.storage.rooms import RoomIdentity


def require_room(room_id: str) -> RoomIdentity:
    """A room that this server knows.

    Raises `Forbidden` for another, as for a room that the user is not in: which rooms exist is nobody's
    business. Raises `InvalidParam` when the ID is none.
    """
    room = rooms.find(room_id)
    if room is None:
        parse_room_id(room_id)
        raise Forbidden("You are not in this room")
    return room


def find_here(room_id: str) -> RoomIdentity | None:
    """A room whose present state this server knows: a user of it is there, or nobody at all is."""
    room = rooms.find(room_id)
    if room is None:
        if not room_id.startswith("!"):
            raise InvalidParam("Not a valid room ID")
        return None
    if summaries.get(room.nid).local_joined_members > 0:
        return room
    has_state = rooms.head(room.nid).state_nid is not None
    return room if has_state and not members.servers_in(room.nid) else None


def is_here(room_id: str) -> bool:
    """Whether users of this server are in a room, so that it knows who else is."""
    room = rooms.find(room_id)
    return room is not None and summaries.get(room.nid).local_joined_members > 0
