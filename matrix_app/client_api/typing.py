"""Typing notifications."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.typing import DEFAULT_TIMEOUT_MS, start_typing, stop_typing


class TypingBody(msgspec.Struct):
    """Whether the user types, and for how many milliseconds."""

    typing: bool
    timeout: int = DEFAULT_TIMEOUT_MS


@endpoint("PUT", "/_matrix/client/v3/rooms/{room_id}/typing/{user_id}", rate="write", guests=True)
def put_typing(request: Request) -> dict[str, Any]:
    """Say whether one types (PUT /rooms/{roomId}/typing/{userId})."""
    body = request.decode(TypingBody)
    room_id, user_id = request.path["room_id"], request.path["user_id"]
    if body.typing:
        start_typing(request.requester, room_id, user_id, body.timeout)
    else:
        stop_typing(request.requester, room_id, user_id)
    return {}
