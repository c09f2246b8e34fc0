"""Whether another server may use a room by way of this one: the guard of every endpoint that names one."""

from __future__ import annotations

from matrix_app.protocol.errors import Forbidden, NotFound
from matrix_app.services.room_acl import server_allowed
from matrix_app.storage import members, rooms, summaries
from matrix_app.storage.rooms import RoomIdentity


def resident_room(room_id: str, origin: str) -> RoomIdentity:
    """A room that users of this server are in, for a server that wants to take part.

    Raises `NotFound` for another, and `Forbidden` for a server that the room keeps out.
    """
    room = _known(room_id, origin)
    if summaries.get(room.nid).local_joined_members <= 0:
        raise NotFound("This server is not in the room")
    return room


def shared_room(room_id: str, origin: str) -> RoomIdentity:
    """A room that the other server is in, as far as this one knows.

    Raises `NotFound` for an unknown room, `Forbidden` when the server is not in it or is kept out.
    """
    room = _known(room_id, origin)
    if not members.is_server_in(room.nid, origin):
        raise Forbidden("Your server is not in the room")
    return room


def _known(room_id: str, origin: str) -> RoomIdentity:
    room = rooms.find(room_id)
    if room is None:
        raise NotFound("The room is not known")
    refuse_denied(room, origin)
    return room


def refuse_denied(room: RoomIdentity, origin: str) -> None:
    """Raise `Forbidden` for a server that the list of a room keeps out."""
    # "When a remote server makes a request, it MUST be verified to be allowed by the server ACLs."
    if not server_allowed(room, origin):
        raise Forbidden(f"The server {origin} is banned from this room")
