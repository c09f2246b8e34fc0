"""Events by the time at which they were sent."""

from __future__ import annotations

from typing import Any

from matrix_app.client_api.reading import is_backwards
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.event_at_time import event_at_time
from matrix_app.services.room_access import access_room


@endpoint(
    "GET",
    "/_matrix/client/v1/rooms/{room_id}/timestamp_to_event",
    "/_matrix/client/unstable/org.matrix.msc3030/rooms/{room_id}/timestamp_to_event",
)
def get_event_at_time(request: Request) -> dict[str, Any]:
    """The event closest to a time (GET /rooms/{roomId}/timestamp_to_event)."""
    request.required_query("ts")
    ts, backwards = request.query_int("ts", 0), is_backwards(request)
    access = access_room(request.path["room_id"], request.requester)
    row = event_at_time(access, ts, backwards=backwards)
    return {"event_id": row.event_id, "origin_server_ts": row.origin_server_ts}
