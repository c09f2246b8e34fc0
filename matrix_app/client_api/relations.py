"""Events that relate to an event."""

from __future__ import annotations

from typing import Any

from matrix_app.client_api.reading import event_list, is_backwards, page_limit, token
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import Forbidden, NotFound
from matrix_app.services.related_events import read_related
from matrix_app.services.room_access import RoomAccess, access_room
from matrix_app.storage.related import RECURSION_DEPTH, Wanted

_V1 = "/_matrix/client/v1/rooms/{room_id}/relations/{event_id}"
_UNSTABLE = "/_matrix/client/unstable/rooms/{room_id}/relations/{event_id}"
_DEFAULT_LIMIT = 20


@endpoint("GET", _V1, _UNSTABLE, guests=True)
def get_relations(request: Request) -> dict[str, Any]:
    """The events that relate to an event (GET /rooms/{roomId}/relations/{eventId})."""
    return _relations(request)


@endpoint("GET", f"{_V1}/{{rel_type}}", f"{_UNSTABLE}/{{rel_type}}", guests=True)
def get_relations_of_kind(request: Request) -> dict[str, Any]:
    """The events that relate to an event in one way (GET .../relations/{eventId}/{relType})."""
    return _relations(request)


@endpoint(
    "GET", f"{_V1}/{{rel_type}}/{{event_type}}", f"{_UNSTABLE}/{{rel_type}}/{{event_type}}", guests=True
)
def get_relations_of_type(request: Request) -> dict[str, Any]:
    """Those of a type that relate in one way (GET .../relations/{eventId}/{relType}/{eventType})."""
    return _relations(request)


def _relations(request: Request) -> dict[str, Any]:
    path = request.path
    recurse = request.query_bool("recurse")
    start, stop = token(request, "from"), token(request, "to")
    backwards, limit = is_backwards(request, "b"), max(1, page_limit(request, _DEFAULT_LIMIT))
    page = read_related(
        _access(request),
        path["event_id"],
        Wanted(path.get("rel_type"), path.get("event_type"), recurse),
        backwards=backwards,
        limit=limit,
        start=start,
        stop=stop,
    )
    answer: dict[str, Any] = {"chunk": event_list(request, page.rows)}
    if page.next_batch is not None:
        answer["next_batch"] = str(page.next_batch)
    if start is not None:
        answer["prev_batch"] = str(start)
    if request.query("recurse") is not None:
        answer["recursion_depth"] = RECURSION_DEPTH if recurse else 0
    return answer


def _access(request: Request) -> RoomAccess:
    """How the user may read the room; raises `NotFound`, as there is no other refusal here.

    "The parent event was not found or the user does not have permission to read this event": both look alike.
    """
    try:
        return access_room(request.path["room_id"], request.requester)
    except Forbidden as refused:
        raise NotFound("Event not found") from refused
