"""Paging through the history of a room."""

from __future__ import annotations

from typing import Any

from matrix_app.client_api.reading import (
    event_list,
    is_backwards,
    members_of_page,
    page_limit,
    room_event_filter,
    state_list,
    token,
)
from matrix_app.http.endpoint import endpoint
from matrix_app.http.request import Request
from matrix_app.services.history_page import read_page
from matrix_app.services.remote_history import completed
from matrix_app.services.room_access import access_room


@endpoint("GET", "/_matrix/client/v3/rooms/{room_id}/messages", guests=True)
def get_messages(request: Request) -> dict[str, Any]:
    """Events of a room, from a place on in one direction (GET /rooms/{roomId}/messages)."""
    start, stop = token(request, "from"), token(request, "to")
    backwards, limit = is_backwards(request), page_limit(request)
    wanted = room_event_filter(request)
    access = access_room(request.path["room_id"], request.requester)
    page = read_page(access, backwards=backwards, limit=limit, start=start, stop=stop, wanted=wanted)
    if backwards and completed(access.room, page):
        page = read_page(access, backwards=True, limit=limit, start=start, stop=stop, wanted=wanted)
    answer: dict[str, Any] = {
        "chunk": event_list(request, page.rows),
        "start": str(page.start if start is None else start),
    }
    if page.end is not None:
        answer["end"] = str(page.end)
    if wanted is not None and wanted.lazy_load_members and page.rows:
        answer["state"] = state_list(request, members_of_page(page.rows))
    return answer
