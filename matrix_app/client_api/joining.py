"""Joining rooms ("Joining rooms")."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services import membership
from matrix_app.services.aliases import resolve


class JoinBody(msgspec.Struct):
    """The body of both endpoints."""

    reason: str | None = None
    third_party_signed: dict[str, Any] | None = None


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/join", rate="join", guests=True)
def post_join_room(request: Request) -> dict[str, str]:
    """Join a room of this server's by its ID."""
    return _join(request, request.path["room_id"], [])


@endpoint("POST", "/_matrix/client/v3/join/{room_id_or_alias}", rate="join", guests=True)
def post_join(request: Request) -> dict[str, str]:
    """Join a room by its ID or alias."""
    room_id, servers = room_and_servers(request)
    return _join(request, room_id, servers)


def room_and_servers(request: Request) -> tuple[str, list[str]]:
    """The room that the path names, and servers which are in it, as given or as its alias tells."""
    name = request.path["room_id_or_alias"]
    if name.startswith("#"):
        found = resolve(name)
        return found.room_id, found.servers
    if not name.startswith("!"):
        raise InvalidParam("Neither a room ID nor an alias")
    return name, request.query_list("via") or request.query_list("server_name")


def _join(request: Request, room_id: str, servers: list[str]) -> dict[str, str]:
    body = request.decode(JoinBody, empty_allowed=True)
    membership.join(request.requester, room_id, reason=body.reason, via=servers)
    return {"room_id": room_id}
