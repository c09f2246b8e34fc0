"""The history of rooms (data/api/server-server/backfill.yaml)."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson

from matrix_app.federation.server.events import transaction_of
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import MissingParam
from matrix_app.services import server_history
from matrix_app.services.pdus import pdu_of
from matrix_app.services.server_history import Gap


class MissingBody(msgspec.Struct):
    """The body of POST /get_missing_events/{roomId}; some servers leave empty lists out."""

    earliest_events: list[str] = msgspec.field(default_factory=list)
    latest_events: list[str] = msgspec.field(default_factory=list)
    limit: int = 10
    min_depth: int = 0


@endpoint("GET", "/_matrix/federation/v1/backfill/{room_id}", auth=Auth.FEDERATION, rate="federation")
def get_backfill(request: Request) -> dict[str, Any]:
    """Events and those before them (GET /backfill/{roomId})."""
    event_ids = request.query_list("v")
    if not event_ids:
        raise MissingParam("Missing query parameter v")
    request.required_query("limit")
    limit = request.query_int("limit", 0, maximum=server_history.MOST_BACKFILLED)
    return transaction_of(server_history.backfill(request.path["room_id"], event_ids, limit, request.origin))


@endpoint(
    "POST", "/_matrix/federation/v1/get_missing_events/{room_id}", auth=Auth.FEDERATION, rate="federation"
)
def post_missing_events(request: Request) -> dict[str, Any]:
    """The events in a gap (POST /get_missing_events/{roomId})."""
    body = request.decode(MissingBody)
    gap = Gap(body.earliest_events, body.latest_events, max(0, body.limit), body.min_depth)
    rows = server_history.missing_events(request.path["room_id"], gap, request.origin)
    return {"events": [orjson.Fragment(pdu_of(row)) for row in rows]}
