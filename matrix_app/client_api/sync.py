"""GET /sync: answers at once when there is news, otherwise waits for it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from appliance.config import get_config
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import InvalidParam
from matrix_app.protocol.filters import Filter, filter_from_json
from matrix_app.protocol.tokens import parse_stream_token
from matrix_app.services import lost_time
from matrix_app.services.connected_users import connected_users
from matrix_app.services.filters import number_of
from matrix_app.storage import db, device_messages, filters
from matrix_app.sync import memo
from matrix_app.sync.hub import hub
from matrix_app.sync.v2.compute import compute, nothing_new
from matrix_app.sync.v2.request import StateSection, SyncRequest
from matrix_app.sync.v2.scope import is_idle
from matrix_app.sync.wait import Wait
from matrix_app.sync.work import Heavy


@endpoint("GET", "/_matrix/client/v3/sync", rate="sync", guests=True, waits=True)
def sync(request: Request) -> Any:
    """What is new since the last sync (GET /sync); waits up to `timeout` ms when nothing is."""
    requester = request.requester
    since_text = request.query("since")
    since = None if since_text is None else parse_stream_token(since_text).position
    chosen = _filter(request)
    lost = lost_time.remembers(since)
    full_state = lost or request.query_bool("full_state")
    section = _state_section(request)
    timeout = request.query_int("timeout", 0) / 1000
    timeout = min(timeout, get_config().limits.sync_timeout_seconds)
    connected_users.sync_started(requester.user_nid, requester.device_nid, _presence(request), timeout)
    if since is not None and requester.device_nid is not None:
        _acknowledge(requester.device_nid, since)
    if lost:
        lost_time.returned(requester.user_nid, requester.device_nid)
    if timeout == 0 or not hub().knows(since or 0):
        hub().catch_up()

    deadline = 0.0 if full_state else time.monotonic() + timeout
    return _Exchange(requester, chosen, since, full_state, section, lost, deadline).begin()


@dataclass(slots=True)
class _Exchange:
    """One request, while it is looked for its answer.

    Not functions that name each other, which only the garbage collector ends: nobody is served meanwhile.
    """

    requester: Requester
    chosen: Filter
    since: int | None
    full_state: bool
    section: StateSection
    lost: bool
    deadline: float
    joined: frozenset[int] = field(init=False)
    # Up to where nothing was found, so that it is not looked at again.
    seen: int | None = field(init=False)

    def __post_init__(self) -> None:
        self.joined = memo.joined_rooms(self.requester.user_nid)
        self.seen = self.since

    def begin(self) -> Any:
        """The answer, or what the waiting endpoint is to do for it."""
        if self.lost or self.since is None or not hub().knows(self.since):
            return Heavy(lambda: self._resume(self._is_late()))
        if self._is_late() or not self._is_idle():
            return self._resume(self._is_late())
        return self._wait()

    def _is_late(self) -> bool:
        return time.monotonic() >= self.deadline

    def _is_idle(self) -> bool:
        user_nid, device_nid = self.requester.user_nid, self.requester.device_nid
        return self.seen is not None and is_idle(user_nid, device_nid, self.joined, self.seen)

    def _resume(self, timed_out: bool) -> Any:
        # Taken before the hub is asked: what comes in between is left for the next sync.
        position = hub().position
        found = self._answer(position, timed_out)
        if found is not None:
            return found
        self.seen = position
        return self._wait()

    def _wait(self) -> Wait:
        seconds = self.deadline - time.monotonic()
        return Wait(self.requester.user_nid, self.joined, seconds, self._is_idle, self._resume)

    def _answer(self, upto: int, last: bool) -> bytes | None:
        made = SyncRequest(
            self.requester, self.chosen, self.since, upto, self.full_state, self.section, self.lost
        )
        found = nothing_new(made) if self._is_idle() and not self.full_state else compute(made)
        if found.empty and not (last or self.since is None or self.full_state):
            return None
        connected_users.sync_ended(self.requester.user_nid, self.requester.device_nid)
        return found.body


def _filter(request: Request) -> Filter:
    text = (request.query("filter") or "").strip()
    if not text:
        return Filter()
    if text.startswith("{"):
        return filter_from_json(text)
    number = number_of(text)
    if number is None:
        raise InvalidParam("No such filter")
    definition = filters.get(request.requester.user_nid, number)
    if definition is not None:
        return filter_from_json(definition)
    if lost_time.may_have_given(number):
        # Its client goes on with more than it asked for, until it defines the filter again.
        return Filter()
    raise InvalidParam("No such filter")


def _state_section(request: Request) -> StateSection:
    if request.query_bool("use_state_after"):
        return "state_after"
    return (
        "org.matrix.msc4222.state_after"
        if request.query_bool("org.matrix.msc4222.use_state_after")
        else "state"
    )


def _presence(request: Request) -> str:
    shown = request.query("set_presence") or "online"
    if shown not in ("online", "offline", "unavailable"):
        raise InvalidParam("set_presence must be online, offline or unavailable")
    return shown


def _acknowledge(device_nid: int, since: int) -> None:
    """To-device messages up to `since` have arrived."""
    oldest = memo.oldest_message(device_nid)
    if oldest is None or oldest > since:
        return
    with db.write():
        device_messages.acknowledge(device_nid, since)
    memo.forget_messages(device_nid)
