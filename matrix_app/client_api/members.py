"""Who is in a room, and which rooms one is in."""

from __future__ import annotations

from typing import Any

from matrix_app.client_api.reading import state_list, token
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services.joined_members import joined_members
from matrix_app.services.mutual_rooms import mutual_rooms
from matrix_app.services.room_access import access_room
from matrix_app.services.room_state import member_events, with_membership
from matrix_app.storage import members, rooms
from matrix_app.storage.members import Membership

_WORDS = {membership.word for membership in Membership}


@endpoint("GET", "/_matrix/client/v3/rooms/{room_id}/members", guests=True)
def get_members(request: Request) -> dict[str, Any]:
    """The member events of a room (GET /rooms/{roomId}/members)."""
    at = token(request, "at")
    wanted, unwanted = _membership(request, "membership"), _membership(request, "not_membership")
    access = access_room(request.path["room_id"], request.requester)
    rows = with_membership(member_events(access, at), wanted, unwanted)
    return {"chunk": state_list(request, rows)}


def _membership(request: Request, name: str) -> str | None:
    value = request.query(name)
    if value is not None and value not in _WORDS:
        raise InvalidParam(f"{name} must be one of {', '.join(sorted(_WORDS))}")
    return value


@endpoint("GET", "/_matrix/client/v3/rooms/{room_id}/joined_members")
def get_joined_members(request: Request) -> dict[str, Any]:
    """Who is joined, with their names and avatars (GET /rooms/{roomId}/joined_members)."""
    return {"joined": joined_members(request.path["room_id"], request.requester)}


@endpoint("GET", "/_matrix/client/v3/joined_rooms")
def get_joined_rooms(request: Request) -> dict[str, Any]:
    """The rooms that one is joined to (GET /joined_rooms)."""
    nids = members.joined_rooms(request.requester.user_nid)
    return {"joined_rooms": list(rooms.room_ids(nids).values())}


@endpoint("GET", "/_matrix/client/v1/mutual_rooms")
def get_mutual_rooms(request: Request) -> dict[str, Any]:
    """The rooms shared with another user (GET /mutual_rooms)."""
    return _mutual_rooms(request, request.query("from"))


@endpoint("GET", "/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms")
def get_unstable_mutual_rooms(request: Request) -> dict[str, Any]:
    """The same with the names that its tokens had too before they were in the specification."""
    answer = _mutual_rooms(request, request.query("from") or request.query("batch_token"))
    if "next_batch" in answer:
        answer["next_batch_token"] = answer["next_batch"]
    return answer


def _mutual_rooms(request: Request, start: str | None) -> dict[str, Any]:
    page = mutual_rooms(request.requester, request.required_query("user_id"), start)
    answer: dict[str, Any] = {"joined": page.room_ids, "count": page.total}
    if page.next_batch is not None:
        answer["next_batch"] = page.next_batch
    return answer
