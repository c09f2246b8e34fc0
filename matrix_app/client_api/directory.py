"""The published room directory ("Published room directory")."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from appliance.config import get_config
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import MissingToken
from matrix_app.services import directory
from matrix_app.services.directory import PageOf
from matrix_app.services.directory_request import PublicRoomsBody


class VisibilityBody(msgspec.Struct):
    """Whether a room is to be listed."""

    visibility: Literal["public", "private"] = "public"


class NetworkVisibilityBody(msgspec.Struct):
    """Whether a room is to be listed in a network, which has no default."""

    visibility: Literal["public", "private"]


@endpoint("GET", "/_matrix/client/v3/publicRooms", auth=Auth.OPTIONAL, guests=True, rate="search")
def get_public_rooms(request: Request) -> dict[str, Any]:
    """A page of the directory."""
    if request.requester_or_none is None and not get_config().rooms.public_directory_without_login:
        raise MissingToken("The room directory can only be read when signed in")
    limit = None if request.query("limit") is None else request.query_int("limit", 0)
    return _page(request, PublicRoomsBody(limit=limit, since=request.query("since")))


@endpoint("POST", "/_matrix/client/v3/publicRooms", guests=True, rate="search")
def post_public_rooms(request: Request) -> dict[str, Any]:
    """A page of those rooms of the directory that a filter lets pass."""
    return _page(request, request.decode(PublicRoomsBody, empty_allowed=True))


def _page(request: Request, body: PublicRoomsBody) -> dict[str, Any]:
    page = PageOf(body.limit, body.since)
    return directory.rooms_of_server(request.query("server"), body.query(), page, msgspec.to_builtins(body))


@endpoint("GET", "/_matrix/client/v3/directory/list/room/{room_id}", auth=Auth.NONE)
def get_visibility(request: Request) -> dict[str, str]:
    """Whether a room is listed."""
    return {"visibility": "public" if directory.is_published(request.path["room_id"]) else "private"}


@endpoint("PUT", "/_matrix/client/v3/directory/list/room/{room_id}", rate="write")
def put_visibility(request: Request) -> dict[str, str]:
    """List a room, or no longer."""
    wanted = request.decode(VisibilityBody, empty_allowed=True).visibility
    directory.set_published(request.requester, request.path["room_id"], wanted == "public")
    return {}


_NETWORK = "/_matrix/client/v3/directory/list/appservice/{network_id}/{room_id}"


@endpoint("PUT", _NETWORK, rate="write")
def put_network_visibility(request: Request) -> dict[str, str]:
    """List a room in a network of an application service, or no longer."""
    wanted = request.decode(NetworkVisibilityBody).visibility
    path = request.path
    directory.set_in_network(request.requester, path["network_id"], path["room_id"], wanted == "public")
    return {}


@endpoint("DELETE", _NETWORK, rate="write")
def delete_network_visibility(request: Request) -> dict[str, str]:
    """Take a room out of a network of an application service."""
    path = request.path
    directory.set_in_network(request.requester, path["network_id"], path["room_id"], False)
    return {}
