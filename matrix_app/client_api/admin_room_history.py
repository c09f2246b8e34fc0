"""Messages of rooms as administrators read them, as the tools that were made for Synapse ask for it."""

from __future__ import annotations

from typing import Any

import orjson

from matrix_app.client_api.admin_query import V1, actor_of
from matrix_app.client_api.reading import (
    is_backwards,
    json_list,
    page_limit,
    room_event_filter,
    token,
)
from matrix_app.http.endpoint import Auth, endpoint
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.services import audit, read_any_room
from matrix_app.services.administer_room import room_of
from matrix_app.services.event_view import render_events, render_state
from matrix_app.services.room_state import rows_of, snapshot_state
from matrix_app.storage import events
from matrix_app.storage.rooms import RoomIdentity


def _noted(request: Request) -> RoomIdentity:
    """The room that is read; who reads others' messages is in the audit log."""
    room = room_of(request.path["room_id"])
    audit.record(actor_of(request), "room.read", room.room_id)
    return room


@endpoint("GET", f"{V1}/rooms/{{room_id}}/messages", auth=Auth.ADMIN)
def get_room_messages(request: Request) -> dict[str, Any]:
    """Events of a room, from a place on in one direction."""
    backwards, start = is_backwards(request, "f"), token(request, "from")
    page = read_any_room.read_any_page(
        _noted(request),
        backwards=backwards,
        limit=max(1, page_limit(request)),
        start=start,
        wanted=room_event_filter(request),
    )
    chunk = json_list(render_events(page.rows, viewer_nid=None))
    answer: dict[str, Any] = {"chunk": chunk, "start": str(start or page.start)}
    return answer | ({"end": str(page.end)} if page.end is not None else {})


@endpoint("GET", f"{V1}/rooms/{{room_id}}/context/{{event_id}}", auth=Auth.ADMIN)
def get_room_context(request: Request) -> dict[str, Any]:
    """An event of a room with those around it, and the state at the last of them."""
    around = read_any_room.read_any_context(_noted(request), request.path["event_id"], page_limit(request))
    (event,) = render_events([around.event], viewer_nid=None)
    return {
        "event": orjson.Fragment(event),
        "events_before": json_list(render_events(around.before, viewer_nid=None)),
        "events_after": json_list(render_events(around.after, viewer_nid=None)),
        "state": json_list(render_state(rows_of(snapshot_state(around.last.state_after)))),
        "start": str(around.start),
        "end": str(around.end),
    }


@endpoint("GET", f"{V1}/rooms/{{room_id}}/timestamp_to_event", auth=Auth.ADMIN)
def get_room_event_at(request: Request) -> dict[str, Any]:
    """The event of a room that is closest to a time."""
    request.required_query("ts")
    room = room_of(request.path["room_id"])
    backwards = is_backwards(request, "f")
    row = read_any_room.event_at(room, request.query_int("ts", 0), backwards=backwards)
    return {"event_id": row.event_id, "origin_server_ts": row.origin_server_ts}


@endpoint("GET", f"{V1}/rooms/{{room_id}}/hierarchy", auth=Auth.ADMIN)
def get_room_hierarchy(request: Request) -> dict[str, Any]:
    """The rooms below a space."""
    text = request.query("from") or "0"
    if not text.isdigit() or len(text) > 6:
        raise InvalidParam("from is not a place that this endpoint gave")
    start, limit = int(text), request.query_int("limit", 50, minimum=1, maximum=100)
    found, more = read_any_room.tree_below(
        request.requester,
        room_of(request.path["room_id"]),
        max_depth=request.query_int("max_depth", 50, maximum=50),
        start=start,
        limit=limit,
    )
    return {"rooms": found, **({"next_batch": str(start + limit)} if more else {})}


@endpoint("GET", f"{V1}/fetch_event/{{event_id}}", auth=Auth.ADMIN)
def fetch_event(request: Request) -> dict[str, Any]:
    """An event, wherever it is."""
    row = events.row_by_id(request.path["event_id"])
    if row is None:
        raise NotFound("There is no such event")
    audit.record(actor_of(request), "event.read", row.event_id)
    (event,) = render_events([row], viewer_nid=None)
    return {"event": orjson.Fragment(event)}
