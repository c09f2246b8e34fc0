"""Rooms that an administrator has blocked: nobody joins them or is invited to them here."""

from __future__ import annotations

import time

from matrix_app.protocol.errors import Forbidden
from matrix_app.storage import blocked_rooms, db
from matrix_app.storage.rooms import RoomIdentity


def is_blocked(room: RoomIdentity) -> bool:
    """Whether a room is blocked."""
    return blocked_rooms.is_blocked(room.nid)


def refuse_blocked(room: RoomIdentity) -> None:
    """Raise `Forbidden` when the room is blocked."""
    if is_blocked(room):
        raise Forbidden("This room has been blocked on this server")


def set_blocked(room: RoomIdentity, blocked: bool) -> None:
    """Block a room, or let it be used again."""
    with db.write():
        blocked_rooms.set_blocked(room.nid, int(time.time() * 1000) if blocked else None)
