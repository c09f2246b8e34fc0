"""Receipts."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services import receipts


@endpoint(
    "POST", "/_matrix/client/v3/rooms/{room_id}/receipt/{receipt_type}/{event_id}", rate="write", guests=True
)
def post_receipt(request: Request) -> dict[str, Any]:
    """Say up to where one has read (POST /rooms/{roomId}/receipt/{receiptType}/{eventId})."""
    path = request.path
    thread_id = request.json_object(empty_allowed=True).get("thread_id", msgspec.UNSET)
    if thread_id is not msgspec.UNSET and not isinstance(thread_id, str):
        raise InvalidParam("thread_id must be a non-empty string")
    receipts.send_receipt(
        request.requester,
        path["room_id"],
        path["receipt_type"],
        path["event_id"],
        thread_id=None if thread_id is msgspec.UNSET else thread_id,
    )
    return {}
