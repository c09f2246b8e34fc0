"""Sending events ("Sending events to a room")."""

from __future__ import annotations

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.send_event import send_message


def timestamp_of(request: Request) -> int | None:
    """The time that an application service gives its event ("Timestamp massaging"); None for all others."""
    if request.requester.appservice_id is None or request.query("ts") is None:
        return None
    return request.query_int("ts", 0)


@endpoint("PUT", "/_matrix/client/v3/rooms/{room_id}/send/{event_type}/{txn_id}", rate="message", guests=True)
def put_send(request: Request) -> dict[str, str]:
    """Send an event that is no state."""
    return _send(request, request.path["txn_id"])


@endpoint("POST", "/_matrix/client/v3/rooms/{room_id}/send/{event_type}", rate="message", guests=True)
def post_send(request: Request) -> dict[str, str]:
    """Send an event that is no state, as clients did before there were transaction IDs."""
    return _send(request, None)


def _send(request: Request, txn_id: str | None) -> dict[str, str]:
    event_id = send_message(
        request.requester,
        request.path["room_id"],
        request.path["event_type"],
        request.json_object(),
        txn_id=txn_id,
        origin_server_ts=timestamp_of(request),
    )
    return {"event_id": event_id}
