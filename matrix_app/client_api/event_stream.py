"""GET /events: the deprecated event stream, which also lets guests follow one world-readable room."""

from __future__ import annotations

import time
from typing import Any

import orjson

from appliance.config import get_config
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.http.requester import Requester
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
    only_rooms = room_id is not None or requester.is_guest
    exchange = _Exchange(requester, room_nids, after, only_rooms, time.monotonic() + timeout)
    return Heavy(lambda: exchange.resume(False))


class _Exchange:
    """One request, while it is looked for its answer."""

    def __init__(
        self, requester: Requester, room_nids: frozenset[int], after: int, only_rooms: bool, deadline: float
    ) -> None:
        self._requester = requester
        self._room_nids = room_nids
        self._after = self._seen = after
        self._only_rooms = only_rooms
        self._deadline = deadline

    def resume(self, timed_out: bool) -> Any:
        """The answer, or what is waited for."""
        user_nid, device_nid = self._requester.user_nid, self._requester.device_nid
        position = hub().position
        found, upto = event_stream.chunk(
            user_nid, device_nid, self._room_nids, self._after, position, only_rooms=self._only_rooms
        )
        if found or timed_out or time.monotonic() >= self._deadline:
            connected_users.sync_ended(user_nid, device_nid)
            return _answer(self._after, upto, found)
        self._seen = position
        seconds = self._deadline - time.monotonic()
        return Wait(user_nid, self._room_nids, seconds, self._is_idle, self.resume)

    def _is_idle(self) -> bool:
        return is_idle(self._requester.user_nid, self._requester.device_nid, self._room_nids, self._seen)


def _answer(after: int, upto: int, found: list[Any]) -> bytes:
    return orjson.dumps({"start": str(StreamToken(after)), "end": str(StreamToken(upto)), "chunk": found})
