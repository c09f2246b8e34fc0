"""`POST /createRoom`."""

from __future__ import annotations

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.create_room import NewRoom, create_room


@endpoint("POST", "/_matrix/client/v3/createRoom", rate="create_room")
def post_create_room(request: Request) -> dict[str, str]:
    """Make a room."""
    return {"room_id": create_room(request.requester, request.decode(NewRoom, empty_allowed=True))}
