"""What administrators do with rooms, as the tools that were made for Synapse ask for it."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.client_api.admin_query import actor_of
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import NotFound
from matrix_app.services.administer_room import set_blocked
from matrix_app.services.blocked_rooms import is_blocked
from matrix_app.services.shutdown_room import Shutdown, shutdown_room
from matrix_app.storage import rooms
from matrix_app.storage.rooms import RoomIdentity


class BlockBody(msgspec.Struct):
    """Whether a room is to be blocked."""

    block: bool


@endpoint("DELETE", "/_synapse/admin/v1/rooms/{room_id}", auth=Auth.ADMIN, body=Shutdown, rate="write")
def delete_room(request: Request) -> Any:
    """Close a room for this server's users, and remove it."""
    wanted = request.decode(Shutdown, empty_allowed=True)
    return msgspec.to_builtins(shutdown_room(request.path["room_id"], wanted))


@endpoint("GET", "/_synapse/admin/v1/rooms/{room_id}/block", auth=Auth.ADMIN)
def get_block(request: Request) -> dict[str, bool]:
    """Whether a room is blocked."""
    return {"block": is_blocked(_room(request))}


@endpoint("PUT", "/_synapse/admin/v1/rooms/{room_id}/block", auth=Auth.ADMIN, body=BlockBody, rate="write")
def put_block(request: Request) -> dict[str, bool]:
    """Block a room, or let it be used again."""
    body = request.decode(BlockBody)
    set_blocked(actor_of(request), request.path["room_id"], body.block)
    return {"block": body.block}


def _room(request: Request) -> RoomIdentity:
    room = rooms.find(request.path["room_id"])
    if room is None:
        raise NotFound("The room is not known")
    return room
