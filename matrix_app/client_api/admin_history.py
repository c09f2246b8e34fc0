"""Removing old messages of rooms, as the tools that were made for Synapse ask for it."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix_app.client_api.admin_query import Milliseconds
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import MissingParam, NotFound
from matrix_app.services import purge_history
from matrix_app.services.audit import Actor
from matrix_app.storage import long_tasks

_BASE = "/_synapse/admin/v1"
_STATUS = {"queued": "active", "running": "active", "done": "complete"}


class PurgeBody(msgspec.Struct):
    """Up to where, and whether messages of this server's users go too."""

    delete_local_events: bool = False
    purge_up_to_event_id: str | None = None
    purge_up_to_ts: Milliseconds | None = None


@endpoint("POST", f"{_BASE}/purge_history/{{room_id}}", auth=Auth.ADMIN, body=PurgeBody, rate="write")
@endpoint(
    "POST", f"{_BASE}/purge_history/{{room_id}}/{{event_id}}", auth=Auth.ADMIN, body=PurgeBody, rate="write"
)
def purge(request: Request) -> dict[str, str]:
    """Begin to remove old messages of a room; the ID tells how far that is."""
    body = request.decode(PurgeBody, empty_allowed=True)
    actor = Actor(request.requester.user_nid, "api", request.ip)
    room_id, event_id = request.path["room_id"], request.path.get("event_id", body.purge_up_to_event_id)
    if event_id is not None:
        nid = purge_history.purge_before_event(actor, room_id, event_id, local_too=body.delete_local_events)
    elif body.purge_up_to_ts is not None:
        nid = purge_history.purge_before_time(
            actor, room_id, body.purge_up_to_ts, local_too=body.delete_local_events
        )
    else:
        raise MissingParam("Missing purge_up_to_event_id or purge_up_to_ts")
    return {"purge_id": str(nid)}


@endpoint("GET", f"{_BASE}/purge_history_status/{{purge_id}}", auth=Auth.ADMIN)
def purge_status(request: Request) -> dict[str, Any]:
    """How far a removal is: active, complete or failed."""
    text = request.path["purge_id"]
    row = long_tasks.find(int(text)) if text.isdigit() and len(text) < 19 else None
    if row is None or row.kind != purge_history.KIND:
        raise NotFound("There is no such purge")
    answer = {"status": _STATUS.get(row.state, "failed")}
    return answer | ({"error": row.error or row.state} if answer["status"] == "failed" else {})
