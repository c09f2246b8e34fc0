"""The rooms of a space as another server gets to know of them ("Spaces" of the server-server API)."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.errors import NotFound
from matrix_app.services.room_acl import server_allowed
from matrix_app.services.room_previews import RoomPreview, previews
from matrix_app.services.server_access import resident_room
from matrix_app.services.space_children import children_of
from matrix_app.storage import members, rooms


def hierarchy_for(room_id: str, origin: str, *, suggested_only: bool) -> dict[str, Any]:
    """A room, and those of its children that users of the server could see.

    Children that this server knows nothing of are left out. Raises `NotFound` when they could not see the
    room itself, `Forbidden` when it keeps the server out.
    """
    resident_room(room_id, origin)
    root = previews([room_id], None).get(room_id)
    if root is None or not _is_accessible(root, origin):
        raise NotFound("The room is not known, or not open to your server")
    named = children_of(root, suggested_only)
    below = previews([child.room_id for child in named], None)
    known = [below[child.room_id] for child in named if child.room_id in below]
    open_to = {child.room.room_id: _is_accessible(child, origin) for child in known}
    return {
        "room": root.body() | {"children_state": [child.body for child in named]},
        "children": [child.body() for child in known if open_to[child.room.room_id]],
        "inaccessible_children": [room_id for room_id, is_open in open_to.items() if not is_open],
    }


def _is_accessible(preview: RoomPreview, origin: str) -> bool:
    """Whether users of the server could see the room: it is open, they are in it, or may join it."""
    if not preview.summary.federate or not server_allowed(preview.room, origin):
        return False
    if preview.is_open or members.has_users_of(preview.room.nid, origin):
        return True
    allowed = rooms.find_many(preview.allowed) if preview.room.rules.restricted_join else {}
    return any(members.is_server_in(room.nid, origin) for room in allowed.values())
