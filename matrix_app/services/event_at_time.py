"""The event of a room that is closest to a time."""

from __future__ import annotations

from typing import Final

from matrix_app.protocol.errors import NotFound
from matrix_app.services.remote_history import completed_at
from matrix_app.services.room_access import RoomAccess
from matrix_app.services.visibility import filter_visible
from matrix_app.storage import history
from matrix_app.storage.events import EventRow

_BATCH: Final = 20
_MOST_BATCHES: Final = 50


def event_at_time(access: RoomAccess, ts: int, *, backwards: bool) -> EventRow:
    """The first event at or after `ts`, or the last at or before it, that the reader may see.

    Other servers are asked where history is missing here. Raises `NotFound` when there is none.
    """
    found = _stored(access, ts, backwards)
    known_ts = found.origin_server_ts if found is not None else None
    if access.is_joined and completed_at(access.room, ts, backwards=backwards, known_ts=known_ts):
        found = _stored(access, ts, backwards)
    if found is None:
        message = f"Unable to find event from {ts} in {'backward' if backwards else 'forward'} direction"
        raise NotFound(message)
    return found


def _stored(access: RoomAccess, ts: int, backwards: bool) -> EventRow | None:
    after = None
    for _ in range(_MOST_BATCHES):
        rows = history.by_time(access.room.nid, ts, after=after, backwards=backwards, limit=_BATCH)
        visible = filter_visible(rows, access.reader.user_nid, show_ignored=True)
        if visible:
            return visible[0]
        if len(rows) < _BATCH:
            break
        after = (rows[-1].origin_server_ts, rows[-1].nid)
    return None
