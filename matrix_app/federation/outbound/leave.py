"""Turning down an invite, or taking back a knock, where the room is ("Leaving Rooms (Rejecting Invites)")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import structlog

from matrix_app.federation.outbound.handshake import complete, first_of, hand_in, make
from matrix_app.protocol.errors import BadGateway, MatrixError
from matrix_app.protocol.events import Event
from matrix_app.storage import rooms
from matrix_app.storage.rooms import RoomIdentity

TIMEOUT: Final = 15.0
# The user does not wait for more than these.
MOST_ASKED: Final = 3

_log = structlog.get_logger("matrix_app.federation.outbound")


def leave(user_id: str, room: RoomIdentity, servers: Sequence[str], content: dict[str, Any]) -> Event | None:
    """The leave that one of the servers has taken; None when none has."""
    try:
        return first_of(servers[:MOST_ASKED], lambda server: _leave_by(server, user_id, room, content))
    except MatrixError as fault:
        _log.warning("nobody takes a leave", room_id=room.room_id, error=fault.message)
        return None


def _leave_by(server: str, user_id: str, room: RoomIdentity, content: dict[str, Any]) -> Event:
    template = make(server, "leave", room.room_id, user_id, room.rules)
    # The version of a room that has not begun here is but what an invite told.
    if template.rules != room.rules and rooms.state_nid(room.nid) is not None:
        raise BadGateway(f"{server} says that the room has another version than it has")
    event = complete(template, content)
    hand_in(server, "leave", event, timeout=TIMEOUT)
    return event
