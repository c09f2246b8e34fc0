"""GET /sync: answers at once when there is news, otherwise waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
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

    def answer(upto: int, last: bool, idle: bool) -> Any:
        made = SyncRequest(requester, chosen, since, upto, full_state, section, lost)
        found = nothing_new(made) if idle and not full_state else compute(made)
        if not (last or since is None or full_state or not found.empty):
            return None
        connected_users.sync_ended(requester.user_nid, requester.device_nid)
        return found.body

    deadline = time.monotonic() + timeout
    if full_state:
        deadline = 0.0
    return _answer_or_wait(requester, since, deadline, answer, heavy=lost)


def _answer_or_wait(
    requester: Requester,
    since: int | None,
    deadline: float,
    answer: Callable[[int, bool, bool], Any],
    *,
    heavy: bool,
) -> Any:
    joined = memo.joined_rooms(requester.user_nid)
    # What was found to show nothing is not looked at again.
    seen = since

    def idle() -> bool:
        return seen is not None and is_idle(requester.user_nid, requester.device_nid, joined, seen)

    def resume(timed_out: bool) -> Any:
        nonlocal seen
        # Taken before the hub is asked: what comes in between is left for the next sync.
        position = hub().position
        found = answer(position, timed_out, idle())
        if found is not None:
            return found
        seen = position
        return wait()

    def wait() -> Wait:
        return Wait(requester.user_nid, joined, deadline - time.monotonic(), idle, resume)

    if heavy or since is None or not hub().knows(since):
        return Heavy(lambda: resume(time.monotonic() >= deadline))
    if not idle() or time.monotonic() >= deadline:
        return resume(time.monotonic() >= deadline)
    return wait()


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
