"""Account data, global and per room."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services import account_data
from matrix_app.services.own_user import require_self

_GLOBAL = "/_matrix/client/v3/user/{user_id}/account_data/{type}"
_OF_ROOM = "/_matrix/client/v3/user/{user_id}/rooms/{room_id}/account_data/{type}"


@endpoint("PUT", _GLOBAL, rate="write")
def put_global(request: Request) -> dict[str, Any]:
    """Store account data (PUT /user/{userId}/account_data/{type})."""
    account_data.set_global(_own_nid(request), request.path["type"], request.json_object())
    return {}


@endpoint("GET", _GLOBAL)
def get_global(request: Request) -> bytes | dict[str, Any]:
    """Read account data (GET /user/{userId}/account_data/{type})."""
    return account_data.get_global(_own_nid(request), request.path["type"])


@endpoint("PUT", _OF_ROOM, rate="write")
def put_in_room(request: Request) -> dict[str, Any]:
    """Store account data of a room (PUT /user/{userId}/rooms/{roomId}/account_data/{type})."""
    room_id, data_type = request.path["room_id"], request.path["type"]
    account_data.set_in_room(_own_nid(request), room_id, data_type, request.json_object())
    return {}


@endpoint("GET", _OF_ROOM)
def get_in_room(request: Request) -> bytes:
    """Read account data of a room (GET /user/{userId}/rooms/{roomId}/account_data/{type})."""
    return account_data.get_in_room(_own_nid(request), request.path["room_id"], request.path["type"])


def _own_nid(request: Request) -> int:
    require_self(request.requester, request.path["user_id"])
    return request.requester.user_nid
