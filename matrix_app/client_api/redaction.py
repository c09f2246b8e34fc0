"""Redacting events ("Redactions")."""

from __future__ import annotations

import msgspec

from matrix_app.client_api.send import timestamp_of
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.redact import redact


class RedactBody(msgspec.Struct):
    """The body."""

    reason: str | None = None


@endpoint("PUT", "/_matrix/client/v3/rooms/{room_id}/redact/{event_id}/{txn_id}", rate="message", guests=True)
def put_redact(request: Request) -> dict[str, str]:
    """Redact an event."""
    return _redact(request, request.path["txn_id"])


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/redact/{event_id}", rate="message", guests=True)
def post_redact(request: Request) -> dict[str, str]:
    """Redact an event, as clients did before there were transaction IDs."""
    return _redact(request, None)


def _redact(request: Request, txn_id: str | None) -> dict[str, str]:
    event_id = redact(
        request.requester,
        request.path["room_id"],
        request.path["event_id"],
        reason=request.decode(RedactBody, empty_allowed=True).reason,
        txn_id=txn_id,
        origin_server_ts=timestamp_of(request),
    )
    return {"event_id": event_id}
