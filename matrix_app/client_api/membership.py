"""Leaving, inviting, removing and banning ("Room membership")."""

from __future__ import annotations

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services import membership
from matrix_app.services.third_party_invites import ThirdPartyInvite, invite_by_address


class ReasonBody(msgspec.Struct):
    """A body with a reason at most."""

    reason: str | None = None


class TargetBody(msgspec.Struct):
    """A body that names a user."""

    user_id: str
    reason: str | None = None


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/leave", rate="write", guests=True)
def post_leave(request: Request) -> dict[str, str]:
    """Leave a room, turn down an invite, or take back a knock."""
    body = request.decode(ReasonBody, empty_allowed=True)
    membership.leave(request.requester, request.path["room_id"], reason=body.reason)
    return {}


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/forget", rate="write", guests=True)
def post_forget(request: Request) -> dict[str, str]:
    """Forget a room that the user has left."""
    membership.forget(request.requester, request.path["room_id"])
    return {}


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/invite", rate="invite")
def post_invite(request: Request) -> dict[str, str]:
    """Invite a user, by user ID or by another address."""
    room_id = request.path["room_id"]
    if "address" in request.json_object() and "user_id" not in request.json_object():
        invite_by_address(request.requester, room_id, request.decode(ThirdPartyInvite))
        return {}
    body = request.decode(TargetBody)
    membership.invite(request.requester, room_id, body.user_id, reason=body.reason)
    return {}


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/kick", rate="state")
def post_kick(request: Request) -> dict[str, str]:
    """Remove a user from a room."""
    body = request.decode(TargetBody)
    membership.kick(request.requester, request.path["room_id"], body.user_id, reason=body.reason)
    return {}


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/ban", rate="state")
def post_ban(request: Request) -> dict[str, str]:
    """Ban a user."""
    body = request.decode(TargetBody)
    membership.ban(request.requester, request.path["room_id"], body.user_id, reason=body.reason)
    return {}


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/unban", rate="state")
def post_unban(request: Request) -> dict[str, str]:
    """Lift a ban."""
    body = request.decode(TargetBody)
    membership.unban(request.requester, request.path["room_id"], body.user_id, reason=body.reason)
    return {}
