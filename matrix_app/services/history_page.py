"""Pages of the history of a room, without gaps and without what the reader may not see."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from matrix_app.protocol.filters import RoomEventFilter
from matrix_app.protocol.tokens import HistoryToken, StreamToken
from matrix_app.services.event_filter import passing
from matrix_app.services.places import place_of
from matrix_app.services.room_access import RoomAccess
from matrix_app.services.visibility import filter_visible
from matrix_app.storage import events, history, ignored_users
from matrix_app.storage.events import EventRow

Token = StreamToken | HistoryToken
Keep = Callable[[Sequence[EventRow]], list[EventRow]]

# One page reads so many events at most before it answers with those that it has found.
_MOST_READ: Final = 1000
_LEAST_BATCH: Final = 20
_BEGINNING: Final = HistoryToken(0, 0)


class Page(NamedTuple):
    """Events in the order of reading; `end` is None when none are left.

    That is found out by asking for more: old clients rely on an `end` behind every event.
    """

    rows: list[EventRow]
    start: HistoryToken
    end: HistoryToken | None


def read_page(
    access: RoomAccess,
    *,
    backwards: bool,
    limit: int,
    start: Token | None = None,
    stop: Token | None = None,
    wanted: RoomEventFilter | None = None,
) -> Page:
    """A page from `start`, or from the end that `backwards` names, up to `stop`."""
    first = _first_place(access, start, backwards)
    low: HistoryToken | None = None if backwards else first
    high: HistoryToken | None = first if backwards else access.last_place
    if stop is not None:
        place = place_of(access.room.nid, stop)
        low, high = (place, high) if backwards else (low, min(high or place, place))
    if wanted is not None and wanted.blocks_everything():
        return Page([], first, None)
    if limit == 0:
        return Page([], first, first)
    keep = keeper(access, wanted)
    rows, end = _scan(access.room.nid, low, high, backwards=backwards, limit=limit, keep=keep)
    return Page(rows, first, end)


def _first_place(access: RoomAccess, start: Token | None, backwards: bool) -> HistoryToken:
    if start is None:
        if not backwards:
            return _BEGINNING
        return access.last_place or HistoryToken(*history.last_place(access.room.nid))
    place = place_of(access.room.nid, start)
    if not backwards:
        return place
    if isinstance(start, StreamToken):
        # What came next may have come over a gap, which is before that and behind all that was here.
        since = history.first_since(access.room.nid, start.position)
        place = place if since is None else max(place, HistoryToken.before(*since))
    return place if access.last_place is None else min(place, access.last_place)


def keeper(access: RoomAccess, wanted: RoomEventFilter | None) -> Keep:
    """What leaves out the events that the reader may not see, or that the filter does not want."""
    ignored = ignored_users.ignored_by(access.reader.user_nid)

    def keep(rows: Sequence[EventRow]) -> list[EventRow]:
        matching = passing(rows, wanted, access.room.room_id) if wanted is not None else rows
        return filter_visible(matching, access.reader.user_nid, ignored=ignored)

    return keep


def _scan(
    room_nid: int,
    low: HistoryToken | None,
    high: HistoryToken | None,
    *,
    backwards: bool,
    limit: int,
    keep: Keep,
) -> tuple[list[EventRow], HistoryToken | None]:
    found: list[EventRow] = []
    read = 0
    while read < _MOST_READ + limit:
        size = max(limit - len(found), _LEAST_BATCH if read else 0)
        batch = between(room_nid, low, high, backwards=backwards, limit=size)
        read += len(batch)
        found += keep(batch)
        if len(found) >= limit:
            del found[limit:]
            return found, _behind(found[-1], backwards)
        if len(batch) < size:
            return found, _behind(found[-1], backwards) if found else None
        place = _behind(batch[-1], backwards)
        low, high = (low, place) if backwards else (place, high)
    return found, place


def between(
    room_nid: int, low: HistoryToken | None, high: HistoryToken | None, *, backwards: bool, limit: int
) -> list[EventRow]:
    """Events of a room between two places, from the upper one `backwards` or from the lower one on."""
    before = (high.depth, high.nid + 1) if high is not None else None
    return events.history(room_nid, before=before, after=low, limit=limit, backwards=backwards)


def _behind(row: EventRow, backwards: bool) -> HistoryToken:
    """The place where reading goes on after an event."""
    return HistoryToken.before(row.depth, row.nid) if backwards else HistoryToken(row.depth, row.nid)
