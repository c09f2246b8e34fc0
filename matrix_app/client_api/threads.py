"""The threads of a room."""

from __future__ import annotations

from typing import Any

from matrix_app.client_api.reading import event_list, page_limit
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import Forbidden, InvalidParam
from matrix_app.protocol.tokens import parse_stream_token
from matrix_app.services.room_access import RoomAccess, access_room
from matrix_app.services.thread_list import read_threads

_DEFAULT_LIMIT = 20


@endpoint(
    "GET",
    "/_matrix/client/v1/rooms/{room_id}/threads",
    "/_matrix/client/unstable/org.matrix.msc3856/rooms/{room_id}/threads",
)
def get_threads(request: Request) -> dict[str, Any]:
    """The roots of a room's threads (GET /rooms/{roomId}/threads)."""
    include, start = request.query("include") or "all", request.query("from")
    if include not in ("all", "participated"):
        raise InvalidParam("include must be all or participated")
    page = read_threads(
        _access(request),
        participated=include == "participated",
        limit=page_limit(request, _DEFAULT_LIMIT, minimum=1),
        start=parse_stream_token(start) if start else None,
    )
    answer: dict[str, Any] = {"chunk": event_list(request, page.roots)}
    if page.next_batch is not None:
        answer["next_batch"] = str(page.next_batch)
    return answer


def _access(request: Request) -> RoomAccess:
    """How the user may read the room; raises `Forbidden` for who may not, and for who was banned."""
    access = access_room(request.path["room_id"], request.requester)
    if access.left is not None and access.membership == "ban":
        raise Forbidden("You are banned from this room")
    return access
