"""Reading what is in an EDU: users of the server that sent it, in rooms where it may speak."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.errors import BadJson, Forbidden
from matrix_app.protocol.ids import domain_of, parse_user_id
from matrix_app.services.known_rooms import find_here
from matrix_app.services.room_acl import server_allowed
from matrix_app.storage import interning, members
from matrix_app.storage.members import Membership
from matrix_app.storage.rooms import RoomIdentity


def text(content: dict[str, Any], key: str) -> str:
    """A string of the content; raises `BadJson`."""
    value = content.get(key)
    if not isinstance(value, str) or "\0" in value:
        raise BadJson(f"{key} is missing or not a string")
    return value


def own_user(origin: str, user_id: str) -> str:
    """A user ID of the server that tells about it; raises `Forbidden` for another's."""
    if domain_of(parse_user_id(user_id)) != origin:
        raise Forbidden("The user belongs to another server")
    return user_id


def room_of(origin: str, room_id: str) -> RoomIdentity | None:
    """A room that this server is in; None otherwise. Raises `Forbidden` where an ACL keeps the other out."""
    room = find_here(room_id)
    if room is not None and not server_allowed(room, origin):
        raise Forbidden("Your server is not allowed in the room")
    return room


def joined_nid(room: RoomIdentity, user_id: str) -> int:
    """The nid of a user who is joined to a room; raises `Forbidden` for one who is not."""
    nid = interning.find_user(user_id)
    member = members.get(room.nid, nid) if nid is not None else None
    if member is None or member.membership != Membership.JOIN:
        raise Forbidden("The user is not in the room")
    return member.user_nid
