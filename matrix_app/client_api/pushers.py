"""Pushers."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.pushers import PusherSpec, pushers_of, set_pusher


@endpoint("GET", "/_matrix/client/v3/pushers")
def get_pushers(request: Request) -> dict[str, Any]:
    """One's pushers (GET /pushers)."""
    return {"pushers": pushers_of(request.requester.user_nid)}


@endpoint("POST", "/_matrix/client/v3/pushers/set", rate="write")
def post_pusher(request: Request) -> dict[str, Any]:
    """Make, change or delete a pusher (POST /pushers/set)."""
    set_pusher(request.requester, request.decode(PusherSpec))
    return {}
