"""Leaving and inviting ("Room membership")."""

from __future__ import annotations

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services import membership


class ReasonBody(msgspec.Struct):
    """A body with a reason at most."""

    reason: str | None = None


class TargetBody(msgspec.Struct):
    """A body that names a user."""

    user_id: str
    reason: str | None = None


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/leave", rate="write", guests=True)
def post_leave(request: Request) -> dict[str, str]:
    """Leave a room, or turn down an invite."""
    body = request.decode(ReasonBody, empty_allowed=True)
    membership.leave(request.requester, request.path["room_id"], reason=body.reason)
    return {}


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/invite", rate="invite")
def post_invite(request: Request) -> dict[str, str]:
    """Invite a user."""
    body = request.decode(TargetBody)
    membership.invite(request.requester, request.path["room_id"], body.user_id, reason=body.reason)
    return {}
