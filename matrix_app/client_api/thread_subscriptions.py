"""Subscriptions to threads (MSC4306), and their changes page by page (MSC4308)."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam
from matrix_app.protocol.ids import parse_event_id
from matrix_app.protocol.tokens import parse_stream_token
from matrix_app.services import thread_subscriptions
from matrix_app.storage import stream

_PATH = "/_matrix/client/unstable/io.element.msc4306/rooms/{room_id}/thread/{event_id}/subscription"
_MOST = 500


class _Subscription(msgspec.Struct):
    automatic: str | None = None


@endpoint("GET", _PATH)
def get_subscription(request: Request) -> dict[str, Any]:
    """The requester's subscription to a thread (GET subscription of MSC4306)."""
    root_id = parse_event_id(request.path["event_id"])
    return {
        "automatic": thread_subscriptions.subscription(request.requester, request.path["room_id"], root_id)
    }


@endpoint("PUT", _PATH, rate="write")
def put_subscription(request: Request) -> dict[str, Any]:
    """Subscribe to a thread, by wish or because of an event (PUT subscription of MSC4306)."""
    cause_id = request.decode(_Subscription, empty_allowed=True).automatic
    root_id = parse_event_id(request.path["event_id"])
    if cause_id is not None:
        cause_id = parse_event_id(cause_id)
    thread_subscriptions.subscribe(request.requester, request.path["room_id"], root_id, cause_id)
    return {}


@endpoint("DELETE", _PATH, rate="write")
def delete_subscription(request: Request) -> dict[str, Any]:
    """End a subscription (DELETE subscription of MSC4306)."""
    root_id = parse_event_id(request.path["event_id"])
    thread_subscriptions.unsubscribe(request.requester, request.path["room_id"], root_id)
    return {}


@endpoint("GET", "/_matrix/client/unstable/io.element.msc4308/thread_subscriptions")
def get_changes(request: Request) -> dict[str, Any]:
    """Changes of subscriptions that a sliding sync had no room for, backwards (MSC4308)."""
    if request.required_query("dir") != "b":
        raise InvalidParam("dir must be b")
    limit = request.query_int("limit", 100, minimum=1, maximum=_MOST)
    start, end = request.query("from"), request.query("to")
    upto = parse_stream_token(start).position if start is not None else stream.current_position()
    found = thread_subscriptions.latest_changes(
        request.requester.user_nid, parse_stream_token(end).position if end is not None else 0, upto, limit
    )
    # matrix-rust-sdk takes an answer without either for a fault, and asks again at once, without end.
    shown: dict[str, Any] = {"subscribed": {}, "unsubscribed": {}, **found.shown}
    return shown if found.before is None else {**shown, "end": str(found.before)}
