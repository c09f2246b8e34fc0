"""Presence."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services import presence

_STATUS = "/_matrix/client/v3/presence/{user_id}/status"


class PresenceBody(msgspec.Struct):
    """A state, and maybe a message with it."""

    presence: str
    status_msg: str | None = None


@endpoint("PUT", _STATUS, rate="write", guests=True)
def put_status(request: Request) -> dict[str, Any]:
    """Set one's own presence (PUT /presence/{userId}/status)."""
    body = request.decode(PresenceBody)
    presence.set_status(request.requester, request.path["user_id"], body.presence, body.status_msg)
    return {}


@endpoint("GET", _STATUS, guests=True)
def get_status(request: Request) -> dict[str, Any]:
    """A user's presence (GET /presence/{userId}/status)."""
    return presence.status_of(request.requester, request.path["user_id"])
