"""Application services: programs such as bridges that act for the users of their namespaces."""

from __future__ import annotations

from matrix_app.http.requester import Requester


def find_requester(token: str, user_id: str | None, device_id: str | None) -> Requester | None:
    """The user that the owner of an application service token acts as, or None for another token."""
    return None
