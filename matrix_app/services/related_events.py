"""Pages of the events that relate to an event ("Forming relationships between events")."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.protocol.tokens import HistoryToken
from matrix_app.services.history_page import Token
from matrix_app.services.places import place_of
from matrix_app.services.room_access import RoomAccess
from matrix_app.services.single_event import visible_event
from matrix_app.services.visibility import filter_visible
from matrix_app.storage import related
from matrix_app.storage.events import EventRow
from matrix_app.storage.related import Wanted

_BEGINNING = (-1, -1)
_END = ((1 << 63) - 1, 0)


class RelatedPage(NamedTuple):
    """Events in the order of history, as they are read, and where the next page starts."""

    rows: list[EventRow]
    next_batch: HistoryToken | None


def read_related(
    access: RoomAccess,
    parent_id: str,
    wanted: Wanted,
    *,
    backwards: bool,
    limit: int,
    start: Token | None,
    stop: Token | None,
) -> RelatedPage:
    """A page of the events that relate to one; raises `NotFound` when that one cannot be seen."""
    visible_event(parent_id, access.reader, room_id=access.room.room_id)
    first, last = (None if token is None else place_of(access.room.nid, token) for token in (start, stop))
    low, high = (last, first) if backwards else (first, last)
    rows = related.related(
        parent_id,
        access.room.nid,
        wanted,
        after=_BEGINNING if low is None else low,
        before=_END if high is None else (high.depth, high.nid + 1),
        backwards=backwards,
        limit=limit + 1,
    )
    more = len(rows) > limit
    rows = rows[:limit]
    visible = filter_visible(rows, access.reader.user_nid)
    return RelatedPage(visible, _behind(rows[-1], backwards) if more else None)


def _behind(row: EventRow, backwards: bool) -> HistoryToken:
    return HistoryToken.before(row.depth, row.nid) if backwards else HistoryToken(row.depth, row.nid)
