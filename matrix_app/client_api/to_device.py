"""Messages to devices (data/api/client-server/to_device.yaml)."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.send_to_device import send_to_device


class Body(msgspec.Struct):
    """The body of PUT /sendToDevice."""

    messages: dict[str, dict[str, dict[str, Any]]]


@endpoint("PUT", "/_matrix/client/v3/sendToDevice/{event_type}/{txn_id}", rate="keys", guests=True)
def put_send_to_device(request: Request) -> dict[str, Any]:
    """Send messages to devices (PUT /sendToDevice/{eventType}/{txnId})."""
    messages = request.decode(Body).messages
    send_to_device(request.requester, request.path["event_type"], request.path["txn_id"], messages)
    return {}
