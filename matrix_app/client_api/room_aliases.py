"""Room aliases ("Room aliases")."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.services import room_aliases


class AliasBody(msgspec.Struct):
    """Where a new alias leads."""

    room_id: str


@endpoint("GET", "/_matrix/client/v3/directory/room/{room_alias}", auth=Auth.OPTIONAL)
def get_alias(request: Request) -> dict[str, Any]:
    """Where an alias leads."""
    found = room_aliases.resolve(request.path["room_alias"])
    return {"room_id": found.room_id, "servers": found.servers}


@endpoint("PUT", "/_matrix/client/v3/directory/room/{room_alias}", rate="write")
def put_alias(request: Request) -> dict[str, Any]:
    """Make an alias."""
    body = request.decode(AliasBody)
    room_aliases.create_alias(request.requester, request.path["room_alias"], body.room_id)
    return {}


@endpoint("DELETE", "/_matrix/client/v3/directory/room/{room_alias}", rate="write")
def delete_alias(request: Request) -> dict[str, Any]:
    """Remove an alias."""
    room_aliases.delete_alias(request.requester, request.path["room_alias"])
    return {}


@endpoint("GET", "/_matrix/client/v3/rooms/{room_id}/aliases")
def get_aliases(request: Request) -> dict[str, Any]:
    """The aliases of a room on this server."""
    return {"aliases": room_aliases.aliases_of(request.requester, request.path["room_id"])}
