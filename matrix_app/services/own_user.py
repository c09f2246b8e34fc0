"""Paths that name a user who must be the one who asks."""

from __future__ import annotations

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden


def require_self(requester: Requester, user_id: str) -> None:
    """Raise `Forbidden` unless the user asks about themselves."""
    if requester.user_id != user_id:
        raise Forbidden("This belongs to another user")
