"""Single events, and what rooms were like at them (data/api/server-server/events.yaml, event_auth.yaml)."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import orjson

from matrix_app.federation.server.pdu_stream import event_lists
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam, MissingParam
from matrix_app.services import server_history, server_reading
from matrix_app.services.pdus import pdu_of
from matrix_app.storage import events
from matrix_app.storage.events import EventRow
from matrix_app.storage.local_server import local_server_name

_BASE = "/_matrix/federation/v1"


def transaction_of(rows: Iterable[EventRow]) -> dict[str, Any]:
    """Events in the form of a transaction."""
    return {
        "origin": local_server_name(),
        "origin_server_ts": int(time.time() * 1000),
        "pdus": [orjson.Fragment(pdu_of(row)) for row in rows],
    }


@endpoint("GET", f"{_BASE}/event/{{event_id}}", auth=Auth.FEDERATION, rate="federation")
def get_event(request: Request) -> dict[str, Any]:
    """One event (GET /event/{eventId})."""
    return transaction_of([server_reading.event_for(request.path["event_id"], request.origin)])


@endpoint("GET", f"{_BASE}/state/{{room_id}}", auth=Auth.FEDERATION, rate="federation")
def get_state(request: Request) -> Any:
    """The state before an event (GET /state/{roomId})."""
    found = _state(request)
    return event_lists({"pdus": found.state, "auth_chain": found.auth_chain}, {})


@endpoint("GET", f"{_BASE}/state_ids/{{room_id}}", auth=Auth.FEDERATION, rate="federation")
def get_state_ids(request: Request) -> dict[str, list[str]]:
    """The same as event IDs (GET /state_ids/{roomId})."""
    found = _state(request)
    return {
        "pdu_ids": list(events.ids_by_nid(found.state).values()),
        "auth_chain_ids": list(events.ids_by_nid(found.auth_chain).values()),
    }


def _state(request: Request) -> server_reading.StateAt:
    event_id = request.required_query("event_id")
    return server_reading.state_before(request.path["room_id"], event_id, request.origin)


@endpoint("GET", f"{_BASE}/event_auth/{{room_id}}/{{event_id}}", auth=Auth.FEDERATION, rate="federation")
def get_event_auth(request: Request) -> Any:
    """The auth chain of an event (GET /event_auth/{roomId}/{eventId})."""
    path = request.path
    nids = server_reading.auth_chain(path["room_id"], path["event_id"], request.origin)
    return event_lists({"auth_chain": nids}, {})


@endpoint("GET", f"{_BASE}/timestamp_to_event/{{room_id}}", auth=Auth.FEDERATION, rate="federation")
def get_timestamp_to_event(request: Request) -> dict[str, Any]:
    """The event closest to a time (GET /timestamp_to_event/{roomId})."""
    if request.query("ts") is None:
        raise MissingParam("Missing query parameter ts")
    direction = request.required_query("dir")
    if direction not in ("f", "b"):
        raise InvalidParam("dir must be f or b")
    row = server_history.event_at(
        request.path["room_id"], request.query_int("ts", 0), request.origin, backwards=direction == "b"
    )
    return {"event_id": row.event_id, "origin_server_ts": row.origin_server_ts}


@endpoint(
    "GET",
    f"{_BASE}/rooms/{{room_id}}/complexity",
    "/_matrix/federation/unstable/rooms/{room_id}/complexity",
    auth=Auth.FEDERATION,
    rate="federation",
)
def get_complexity(request: Request) -> dict[str, float]:
    """How much work a room is, for servers that have to be careful (an unstable extension)."""
    return {"v1": server_reading.complexity(request.path["room_id"], request.origin)}
