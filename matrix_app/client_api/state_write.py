"""Setting room state ("Sending events to a room")."""

from __future__ import annotations

from matrix_app.client_api.send import timestamp_of
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.send_event import send_state


@endpoint(
    "PUT",
    "/_matrix/client/v3/rooms/{room_id}/state/{event_type}/{state_key}",
    "/_matrix/client/v3/rooms/{room_id}/state/{event_type}",
    rate="state",
    guests=True,
)
def put_state(request: Request) -> dict[str, str]:
    """Set an entry of a room's state; without a state key in the path it is the empty one."""
    event_id = send_state(
        request.requester,
        request.path["room_id"],
        request.path["event_type"],
        request.path.get("state_key", ""),
        request.json_object(),
        origin_server_ts=timestamp_of(request),
    )
    return {"event_id": event_id}
