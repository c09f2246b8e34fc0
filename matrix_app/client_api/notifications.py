"""What notified the user."""

from __future__ import annotations

from typing import Any

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.notifications import MAX_LIMIT, notifications_of


@endpoint("GET", "/_matrix/client/v3/notifications")
def get_notifications(request: Request) -> dict[str, Any]:
    """A page of notifications (GET /notifications)."""
    before = request.query_int("from", 0)
    return notifications_of(
        request.requester.user_nid,
        before=before or None,
        limit=request.query_int("limit", 20, minimum=1, maximum=MAX_LIMIT),
        highlights_only=request.query("only") == "highlight",
    )
