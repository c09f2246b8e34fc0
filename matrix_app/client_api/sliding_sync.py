"""POST sync of MSC4186: simplified sliding sync, as Element X asks."""

from __future__ import annotations

import time
from typing import Any

from appliance.config import get_config
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam
from matrix_app.services import lost_time
from matrix_app.services.connected_users import connected_users
from matrix_app.sync.hub import hub
from matrix_app.sync.sliding.body import parse_body
from matrix_app.sync.sliding.exchange import Exchange
from matrix_app.sync.sliding.extensions import to_device

PATH = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync"


@endpoint("POST", PATH, rate="sync", guests=True, waits=True)
def sliding_sync(request: Request) -> Any:
    """What is new in the rooms that a client asks about (MSC4186); waits up to `timeout` ms for it.

    `pos`, `timeout` and `set_presence` are parameters of the query, or fields of the body.
    """
    requester, body = request.requester, parse_body(request.http.body)
    text = request.query("pos") or body.pos
    timeout = request.query_int("timeout", max(body.timeout or 0, 0)) / 1000
    timeout = min(timeout, get_config().limits.sync_timeout_seconds) if text else 0.0
    presence = request.query("set_presence") or body.set_presence or "online"
    if presence not in ("online", "offline", "unavailable"):
        raise InvalidParam("set_presence must be online, offline or unavailable")
    connected_users.sync_started(requester.user_nid, requester.device_nid, presence, timeout)
    to_device.acknowledge(requester.device_nid, body.extensions.to_device)
    received = body.extensions.to_device.since if body.extensions.to_device is not None else None
    if lost_time.remembers_token(received):
        lost_time.returned(requester.user_nid, requester.device_nid)
    exchange = Exchange(requester, body, text, time.monotonic() + timeout)
    if timeout == 0 or not hub().knows(exchange.since or 0):
        hub().catch_up()
    return exchange.begin()
