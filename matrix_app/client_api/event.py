"""Single events."""

from __future__ import annotations

import orjson

from matrix_app.client_api.reading import one_event
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.single_event import visible_event


@endpoint("GET", "/_matrix/client/v3/rooms/{room_id}/event/{event_id}", guests=True)
def get_event(request: Request) -> orjson.Fragment:
    """An event of a room (GET /rooms/{roomId}/event/{eventId})."""
    path = request.path
    return one_event(request, visible_event(path["event_id"], request.requester, room_id=path["room_id"]))


@endpoint("GET", "/_matrix/client/v3/events/{event_id}", guests=True)
def get_event_of_any_room(request: Request) -> orjson.Fragment:
    """An event, wherever it is (GET /events/{eventId}, deprecated)."""
    return one_event(request, visible_event(request.path["event_id"], request.requester))
