"""The context of an event."""

from __future__ import annotations

from typing import Any

from matrix_app.client_api.reading import (
    event_list,
    lazy_members,
    one_event,
    page_limit,
    room_event_filter,
    state_list,
)
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.filters import RoomEventFilter
from matrix_app.services.event_context import Context, read_context
from matrix_app.services.event_filter import passing
from matrix_app.services.room_access import RoomAccess, access_room
from matrix_app.services.room_state import rows_of, snapshot_state
from matrix_app.services.single_event import visible_event
from matrix_app.storage.events import EventRow


@endpoint("GET", "/_matrix/client/v3/rooms/{room_id}/context/{event_id}", guests=True)
def get_context(request: Request) -> dict[str, Any]:
    """Events around an event, and the state there (GET /rooms/{roomId}/context/{eventId})."""
    limit, wanted = page_limit(request), room_event_filter(request)
    room_id = request.path["room_id"]
    access = access_room(room_id, request.requester)
    event = visible_event(request.path["event_id"], request.requester, room_id=room_id)
    before = limit // 2
    context = read_context(access, event, before=before, after=limit - before, wanted=wanted)
    return {
        "start": str(context.start),
        "end": str(context.end),
        "events_before": event_list(request, context.before),
        "event": one_event(request, event),
        "events_after": event_list(request, context.after),
        "state": state_list(request, _state(access, context, wanted)),
    }


def _state(access: RoomAccess, context: Context, wanted: RoomEventFilter | None) -> list[EventRow]:
    snapshot = context.last.state_after
    rows = rows_of(snapshot_state(snapshot))
    if wanted is None:
        return rows
    if wanted.lazy_load_members:
        needed = {row.nid for row in lazy_members(context.rows, snapshot)}
        rows = [row for row in rows if row.type != "m.room.member" or row.nid in needed]
    return passing(rows, wanted, access.room.room_id)
