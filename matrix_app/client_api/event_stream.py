"""GET /events: the deprecated event stream, which also lets guests follow one world-readable room."""

from __future__ import annotations

import time
from typing import Any

import orjson

from appliance.config import get_config
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.tokens import StreamToken, parse_stream_token
from matrix_app.services.connected_users import connected_users
from matrix_app.sync import event_stream, memo
from matrix_app.sync.hub import hub
from matrix_app.sync.v2.scope import is_idle
from matrix_app.sync.wait import Wait
from matrix_app.sync.work import Heavy


@endpoint("GET", "/_matrix/client/v3/events", rate="sync", guests=True, waits=True)
def get_events(request: Request) -> Any:
    """What happens after `from`, or from now on; waits up to `timeout` ms (GET /events)."""
    requester = request.requester
    hub().catch_up()
    # The specification has no limit here; what older clients send is checked, and not needed.
    request.query_int("limit", event_stream.MOST_EVENTS, minimum=1)
    since = request.query("from") or None  # older clients that have no token send an empty one
    after = hub().position if since is None else parse_stream_token(since).position
    room_id = request.query("room_id")
    joined = memo.joined_rooms(requester.user_nid)
    room_nids = event_stream.rooms_of(requester.user_nid, room_id, joined)
    timeout = min(request.query_int("timeout", 0) / 1000, get_config().limits.sync_timeout_seconds)
    connected_users.sync_started(requester.user_nid, requester.device_nid, "online", timeout)
    deadline = time.monotonic() + timeout
    seen = after

    def idle() -> bool:
        return is_idle(requester.user_nid, requester.device_nid, room_nids, seen)

    def resume(timed_out: bool) -> Any:
        nonlocal seen
        position = hub().position
        found, upto = event_stream.chunk(
            requester.user_nid,
            requester.device_nid,
            room_nids,
            after,
            position,
            only_rooms=room_id is not None or requester.is_guest,
        )
        if found or timed_out or time.monotonic() >= deadline:
            connected_users.sync_ended(requester.user_nid, requester.device_nid)
            return _answer(after, upto, found)
        seen = position
        return Wait(requester.user_nid, room_nids, deadline - time.monotonic(), idle, resume)

    return Heavy(lambda: resume(False))


def _answer(after: int, upto: int, found: list[Any]) -> bytes:
    return orjson.dumps({"start": str(StreamToken(after)), "end": str(StreamToken(upto)), "chunk": found})
