"""One event, for a user who may see it."""

from __future__ import annotations

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import NotFound
from matrix_app.services.room_access import is_world_readable
from matrix_app.services.visibility import filter_visible
from matrix_app.storage import events, members, rooms
from matrix_app.storage.events import EventRow


def visible_event(event_id: str, reader: Requester, *, room_id: str | None = None) -> EventRow:
    """An event, of the room if one is named.

    Raises `NotFound` when there is none, as when the user may not see it.
    """
    row = events.row_by_id(event_id)
    if row is None or (room_id is not None and rooms.by_nid(row.room_nid).room_id != room_id):
        raise NotFound("Event not found")
    member = members.get(row.room_nid, reader.user_nid)
    visible = filter_visible([row], reader.user_nid, show_ignored=True)
    if not visible or (member is not None and member.forgotten and not is_world_readable(row.room_nid)):
        raise NotFound("Event not found")
    return visible[0]
