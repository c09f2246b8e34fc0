"""Fully read markers."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.receipts import FULLY_READ, send_receipt
from matrix_app.storage.receipts import PRIVATE, PUBLIC


class ReadMarkers(msgspec.Struct):
    """Event IDs, each of which may be left out."""

    fully_read: str | None = msgspec.field(name="m.fully_read", default=None)
    read: str | None = msgspec.field(name="m.read", default=None)
    read_private: str | None = msgspec.field(name="m.read.private", default=None)


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/read_markers", rate="write", guests=True)
def post_read_markers(request: Request) -> dict[str, Any]:
    """Move the fully read marker and receipts at once (POST /rooms/{roomId}/read_markers)."""
    body = request.decode(ReadMarkers)
    wanted = (
        (PUBLIC, body.read),
        (PRIVATE, body.read_private),
        (FULLY_READ, body.fully_read),
    )
    for receipt_type, event_id in wanted:
        if event_id is not None:
            send_receipt(request.requester, request.path["room_id"], receipt_type, event_id)
    return {}
