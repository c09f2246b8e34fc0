"""Turning down an invite of a room that this server is not in, without asking anybody."""

from __future__ import annotations

import time
from typing import Any

from matrix_app.protocol.event_format import create_event
from matrix_app.protocol.events import Event
from matrix_app.services.local_identity import local_identity
from matrix_app.services.member_outliers import keep_leave
from matrix_app.storage import events, interning, members
from matrix_app.storage.rooms import RoomIdentity


def leave_locally(room: RoomIdentity, user_id: str, content: dict[str, Any]) -> Event:
    """Store a leave event that comes after the user's invite or knock and is in no room's history.

    It names no other events: what the invite said is all that is known of the room's version, and another
    invite may have said otherwise since.
    """
    user_nid = interning.user_nid(user_id)
    present = members.get(room.nid, user_nid)
    if present is None:
        raise LookupError(f"{user_id} has no membership of {room.room_id}")
    invite = events.events_by_nid([present.event_nid])[present.event_nid]
    identity = local_identity()
    event = create_event(
        rules=room.rules,
        key=identity.signing_key,
        server_name=identity.server_name,
        room_id=room.room_id,
        sender=user_id,
        type="m.room.member",
        state_key=user_id,
        content=content,
        prev_events=[],
        auth_events=[],
        depth=invite.depth + 1,
        origin_server_ts=int(time.time() * 1000),
    )
    keep_leave(room, event)
    return event
