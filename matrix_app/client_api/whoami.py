"""Who a token belongs to (data/api/client-server/whoami.yaml)."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request


@endpoint("GET", "/_matrix/client/v3/account/whoami", guests=True)
def whoami(request: Request) -> dict[str, Any]:
    """The owner of the access token (GET /account/whoami)."""
    requester = request.requester
    answer: dict[str, Any] = {"user_id": requester.user_id, "is_guest": requester.is_guest}
    if requester.device_id is not None:
        answer["device_id"] = requester.device_id
    return answer
