"""What the endpoints that read rooms have in common: their query parameters and their lists of events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import orjson

from appliance.config import get_config
from matrix_app.http.request import Request
from matrix_app.protocol.errors import InvalidParam, MissingParam
from matrix_app.protocol.filters import DEFAULT_LIMIT, RoomEventFilter, room_event_filter_from_json
from matrix_app.protocol.tokens import HistoryToken, StreamToken, parse_token
from matrix_app.services.event_view import render_events, render_state
from matrix_app.services.room_state import members_at
from matrix_app.storage import interning
from matrix_app.storage.events import EventRow

_DIRECTIONS = {"b": True, "f": False}


def is_backwards(request: Request, default: str | None = None) -> bool:
    """Whether `dir` says `b`; without a default it must be there."""
    value = request.query("dir") or default
    if value is None:
        raise MissingParam("Missing query parameter dir")
    if value not in _DIRECTIONS:
        raise InvalidParam("dir must be b or f")
    return _DIRECTIONS[value]


def page_limit(request: Request, default: int = DEFAULT_LIMIT, *, minimum: int = 0) -> int:
    """`limit`, cut to what the configuration allows."""
    most = get_config().limits.messages_per_page
    return request.query_int("limit", default, minimum=minimum, maximum=most)


def token(request: Request, name: str) -> StreamToken | HistoryToken | None:
    """A pagination token; an empty one counts as none."""
    value = request.query(name)
    return parse_token(value) if value else None


def room_event_filter(request: Request) -> RoomEventFilter | None:
    """The JSON in `filter`; raises `NotJson` or `BadJson`."""
    value = request.query("filter")
    return room_event_filter_from_json(value) if value else None


def json_list(items: Iterable[bytes]) -> orjson.Fragment:
    """A JSON list of what is JSON already."""
    return orjson.Fragment(b"[" + b",".join(items) + b"]")


def timeline_json(request: Request, rows: Sequence[EventRow]) -> list[bytes]:
    """Events of a timeline for who asks."""
    who = request.requester
    return render_events(rows, viewer_nid=who.user_nid, device_nid=who.device_nid)


def state_json(request: Request, rows: Sequence[EventRow]) -> list[bytes]:
    """State events for who asks."""
    who = request.requester
    return render_state(rows, viewer_nid=who.user_nid, device_nid=who.device_nid)


def event_list(request: Request, rows: Sequence[EventRow]) -> orjson.Fragment:
    """A list of events of a timeline for who asks."""
    return json_list(timeline_json(request, rows))


def one_event(request: Request, row: EventRow) -> orjson.Fragment:
    """One event for who asks."""
    return orjson.Fragment(timeline_json(request, [row])[0])


def state_list(request: Request, rows: Sequence[EventRow]) -> orjson.Fragment:
    """A list of state events for who asks."""
    return json_list(state_json(request, rows))


def senders_of(rows: Iterable[EventRow]) -> list[str]:
    """The user IDs of who sent the events."""
    return list(interning.user_ids({row.sender_nid for row in rows}).values())


def lazy_members(rows: Sequence[EventRow], snapshot: int | None) -> list[EventRow]:
    """The member events of those who sent the events ("Lazy-loading room members")."""
    return members_at(snapshot, senders_of(rows))


def members_of_page(rows: Sequence[EventRow]) -> list[EventRow]:
    """The same for a page: as they were at its first event, of who was not there at their own first one."""
    found = lazy_members(rows, rows[0].state_after)
    senders = interning.user_ids({row.sender_nid for row in rows})
    keys = interning.find_keys(("m.room.member", user_id) for user_id in senders.values())
    known = {row.key_nid for row in found}
    for row in rows:
        key = keys.get(("m.room.member", senders[row.sender_nid]))
        if key not in known:
            known.add(key)
            found += lazy_members([row], row.state_after)
    return found
