"""Rooms seen from outside: the hierarchy of spaces, and summaries of rooms."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.ids import is_server_name
from matrix_app.services.room_summary import room_summary
from matrix_app.services.space_hierarchy import MAX_DEPTH, TreeQuery, read_tree

_DEFAULT_ROOMS = 50
_MOST_ROOMS = 100


@endpoint(
    "GET",
    "/_matrix/client/v1/rooms/{room_id}/hierarchy",
    "/_matrix/client/unstable/org.matrix.msc2946/rooms/{room_id}/hierarchy",
)
def get_hierarchy(request: Request) -> dict[str, Any]:
    """The tree of rooms below a space (GET /rooms/{roomId}/hierarchy)."""
    query = TreeQuery(
        request.query_int("max_depth", MAX_DEPTH, maximum=MAX_DEPTH), request.query_bool("suggested_only")
    )
    limit = request.query_int("limit", _DEFAULT_ROOMS, minimum=1, maximum=_MOST_ROOMS)
    start = request.query("from") or None
    page = read_tree(request.path["room_id"], request.requester, query, limit=limit, start=start)
    answer: dict[str, Any] = {"rooms": [room.body() for room in page.rooms]}
    if page.next_batch is not None:
        answer["next_batch"] = page.next_batch
    return answer


@endpoint("GET", "/_matrix/client/v1/room_summary/{room_id_or_alias}", auth=Auth.OPTIONAL, guests=True)
def get_room_summary(request: Request) -> dict[str, Any]:
    """A summary of a room (GET /room_summary/{roomIdOrAlias})."""
    return _summary(request)


@endpoint(
    "GET",
    "/_matrix/client/unstable/im.nheko.summary/rooms/{room_id_or_alias}/summary",
    "/_matrix/client/unstable/im.nheko.summary/summary/{room_id_or_alias}",
    auth=Auth.OPTIONAL,
    guests=True,
)
def get_unstable_room_summary(request: Request) -> dict[str, Any]:
    """The same with the names that two of its keys had before they were in the specification."""
    body = _summary(request)
    if "room_version" in body:  # not every server tells it
        body["im.nheko.summary.version"] = body["im.nheko.summary.room_version"] = body["room_version"]
    if "encryption" in body:
        body["im.nheko.summary.encryption"] = body["encryption"]
    return body


def _summary(request: Request) -> dict[str, Any]:
    servers = [name for name in request.query_list("via") if is_server_name(name)]
    return room_summary(request.path["room_id_or_alias"], request.requester_or_none, servers)
