"""Joining rooms and knocking on them ("Joining rooms")."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import BadJson, InvalidParam
from matrix_app.services import joining
from matrix_app.services.policy_lists.enforcement import refuse_join
from matrix_app.services.room_aliases import resolve


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/join", rate="join", guests=True)
def post_join_room(request: Request) -> dict[str, str]:
    """Join a room by its ID."""
    return _join(request, request.path["room_id"], [])


@endpoint("POST", "/_matrix/client/v3/join/{room_id_or_alias}", rate="join", guests=True)
def post_join(request: Request) -> dict[str, str]:
    """Join a room by its ID or alias."""
    room_id, servers = room_and_servers(request)
    return _join(request, room_id, servers)


@endpoint("POST", "/_matrix/client/v3/knock/{room_id_or_alias}", rate="join")
def post_knock(request: Request) -> dict[str, str]:
    """Knock on a room."""
    room_id, servers = room_and_servers(request)
    reason, extra = _reason_and_rest(request)
    joining.knock(request.requester, room_id, reason=reason, via=servers, extra=extra)
    return {"room_id": room_id}


def room_and_servers(request: Request) -> tuple[str, list[str]]:
    """The room that the path names, and servers which are in it, as given and as its alias tells."""
    name = request.path["room_id_or_alias"]
    given = request.query_list("via") or request.query_list("server_name")
    if name.startswith("#"):
        found = resolve(name)
        refuse_join(found.room_id, [name])
        return found.room_id, [*given, *found.servers]
    if not name.startswith("!"):
        raise InvalidParam("Neither a room ID nor an alias")
    return name, given


def _join(request: Request, room_id: str, servers: list[str]) -> dict[str, str]:
    reason, extra = _reason_and_rest(request)
    signed = extra.pop("third_party_signed", None)
    if signed is not None and not isinstance(signed, dict):
        raise BadJson("third_party_signed must be an object")
    joining.join(
        request.requester, room_id, reason=reason, via=servers, extra=extra, third_party_signed=signed
    )
    return {"room_id": room_id}


def _reason_and_rest(request: Request) -> tuple[str | None, dict[str, Any]]:
    """The reason, and what else clients want the membership event to say."""
    body = dict(request.json_object(empty_allowed=True))
    reason = body.pop("reason", None)
    if reason is not None and not isinstance(reason, str):
        raise BadJson("reason must be a string")
    return reason, body
