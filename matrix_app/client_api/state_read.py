"""Reading the state of a room."""

from __future__ import annotations

from typing import Any

from matrix_app.client_api.reading import one_event, state_list
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.services.event_json import event_content
from matrix_app.services.room_access import access_room
from matrix_app.services.room_state import state_entry, whole_state


@endpoint("GET", "/_matrix/client/v3/rooms/{room_id}/state", guests=True)
def get_state(request: Request) -> Any:
    """Every state event of a room (GET /rooms/{roomId}/state)."""
    access = access_room(request.path["room_id"], request.requester)
    return state_list(request, whole_state(access))


@endpoint(
    "GET",
    "/_matrix/client/v3/rooms/{room_id}/state/{event_type}/{state_key}",
    "/_matrix/client/v3/rooms/{room_id}/state/{event_type}",
    guests=True,
)
def get_state_entry(request: Request) -> Any:
    """One entry of a room's state (GET /rooms/{roomId}/state/{eventType}/{stateKey})."""
    form = request.query("format") or "content"
    if form not in ("content", "event"):
        raise InvalidParam("format must be content or event")
    access = access_room(request.path["room_id"], request.requester)
    row = state_entry(access, request.path["event_type"], request.path.get("state_key", ""))
    if row is None:
        raise NotFound("The room has no such state")
    if form == "content":
        return event_content(row)
    return one_event(request, row)
