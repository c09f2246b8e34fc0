"""Tags of rooms."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services import tags
from matrix_app.services.own_user import require_self

_TAGS = "/_matrix/client/v3/user/{user_id}/rooms/{room_id}/tags"


@endpoint("GET", _TAGS)
def get_tags(request: Request) -> dict[str, Any]:
    """The tags on a room (GET /user/{userId}/rooms/{roomId}/tags)."""
    return {"tags": tags.tags_of(_own_nid(request), request.path["room_id"])}


@endpoint("PUT", f"{_TAGS}/{{tag}}", rate="write")
def put_tag(request: Request) -> dict[str, Any]:
    """Tag a room (PUT /user/{userId}/rooms/{roomId}/tags/{tag})."""
    about = request.json_object(empty_allowed=True)
    tags.put_tag(_own_nid(request), request.path["room_id"], request.path["tag"], about)
    return {}


@endpoint("DELETE", f"{_TAGS}/{{tag}}", rate="write")
def delete_tag(request: Request) -> dict[str, Any]:
    """Take a tag off a room (DELETE /user/{userId}/rooms/{roomId}/tags/{tag})."""
    tags.delete_tag(_own_nid(request), request.path["room_id"], request.path["tag"])
    return {}


def _own_nid(request: Request) -> int:
    require_self(request.requester, request.path["user_id"])
    return request.requester.user_nid
