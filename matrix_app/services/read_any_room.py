"""Reading rooms as administrators do, whether they are in them or not: all that is stored here."""

from __future__ import annotations

from collections import deque
from typing import Any, Final, NamedTuple

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import NotFound
from matrix_app.protocol.filters import RoomEventFilter
from matrix_app.protocol.tokens import HistoryToken
from matrix_app.services.event_context import Context
from matrix_app.services.event_filter import passing
from matrix_app.services.history_page import Page, Token, between
from matrix_app.services.places import place_of
from matrix_app.services.room_previews import previews
from matrix_app.services.space_children import children_of
from matrix_app.storage import events, history
from matrix_app.storage.events import EventRow
from matrix_app.storage.rooms import RoomIdentity

_MOST_ROOMS: Final = 1000
_AT_ONCE: Final = 50


def read_any_page(
    room: RoomIdentity,
    *,
    backwards: bool,
    limit: int,
    start: Token | None = None,
    wanted: RoomEventFilter | None = None,
) -> Page:
    """A page of a room's history, of which a filter may keep less than `limit`; `end` is None at the end."""
    first = place_of(room.nid, start) if start is not None else _first(room, backwards)
    low, high = (None, first) if backwards else (first, None)
    found = between(room.nid, low, high, backwards=backwards, limit=limit)
    end = _behind(found[-1], backwards) if len(found) == limit and found else None
    return Page(passing(found, wanted, room.room_id) if wanted is not None else found, first, end)


def _first(room: RoomIdentity, backwards: bool) -> HistoryToken:
    return HistoryToken(*history.last_place(room.nid)) if backwards else HistoryToken(0, 0)


def _behind(row: EventRow, backwards: bool) -> HistoryToken:
    return HistoryToken.before(row.depth, row.nid) if backwards else HistoryToken(row.depth, row.nid)


def event_of(room: RoomIdentity, event_id: str) -> EventRow:
    """An event of a room; raises `NotFound`."""
    row = events.row_by_id(event_id)
    if row is None or row.room_nid != room.nid:
        raise NotFound("The room has no such event")
    return row


def read_any_context(room: RoomIdentity, event_id: str, limit: int) -> Context:
    """An event with up to `limit` others around it, half of them before it."""
    event = event_of(room, event_id)
    ahead, behind = HistoryToken.before(event.depth, event.nid), HistoryToken(event.depth, event.nid)
    past = between(room.nid, None, ahead, backwards=True, limit=limit // 2)
    future = between(room.nid, behind, None, backwards=False, limit=limit - limit // 2)
    first, last = past[-1] if past else event, future[-1] if future else event
    return Context(past, event, future, _behind(first, True), _behind(last, False))


def event_at(room: RoomIdentity, ts: int, *, backwards: bool) -> EventRow:
    """The first event at or after a time, or the last at or before it; raises `NotFound`."""
    found = history.by_time(room.nid, ts, after=None, backwards=backwards, limit=1)
    if not found:
        raise NotFound("The room has no such event")
    return found[0]


class Below(NamedTuple):
    """A room below a space, how deep, and what is known of it."""

    depth: int
    body: dict[str, Any]


def tree_below(
    reader: Requester, room: RoomIdentity, *, max_depth: int, start: int, limit: int
) -> tuple[list[dict[str, Any]], bool]:
    """A part of the rooms below a space, the space first, level by level, and whether more follow."""
    found, more = walk_below(reader, room, max_depth=max_depth, start=start, limit=limit)
    return [one.body for one in found], more


def walk_below(
    reader: Requester, room: RoomIdentity, *, max_depth: int, start: int, limit: int
) -> tuple[list[Below], bool]:
    """The same, with the depth of each room.

    Of rooms that are not here nothing is known but what the space says.
    """
    found: list[Below] = []
    waiting, seen = deque([(room.room_id, 0)]), {room.room_id}
    while waiting and len(found) <= min(start + limit, _MOST_ROOMS):
        batch = [waiting.popleft() for _ in range(min(_AT_ONCE, len(waiting)))]
        here = previews([room_id for room_id, _ in batch], reader)
        for room_id, depth in batch:
            preview = here.get(room_id)
            if preview is None:
                known = {"room_id": room_id, "num_joined_members": 0, "children_state": []}
                found.append(Below(depth, known))
                continue
            children = children_of(preview, False)
            body = preview.body() | {"children_state": [child.body for child in children]}
            found.append(Below(depth, body))
            new = [child.room_id for child in children if child.room_id not in seen and depth < max_depth]
            seen.update(new)
            waiting.extend((child, depth + 1) for child in new)
    return found[start : start + limit], len(found) > start + limit
