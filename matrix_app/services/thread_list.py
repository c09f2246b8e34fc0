"""The threads of a room ("Querying threads in a room")."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.protocol.tokens import StreamToken
from matrix_app.services.room_access import RoomAccess
from matrix_app.services.visibility import filter_visible
from matrix_app.storage import events, ignored_users, related
from matrix_app.storage.events import ERASED, EventRow

_LAST = (1 << 63) - 1


class ThreadPage(NamedTuple):
    """Roots of threads, those with the latest events first, and where the next page starts."""

    roots: list[EventRow]
    next_batch: StreamToken | None


def read_threads(
    access: RoomAccess, *, participated: bool, limit: int, start: StreamToken | None
) -> ThreadPage:
    """A page of the threads that the reader may see, or of those that they took part in."""
    places = related.threads_of_room(
        access.room.nid,
        before=_LAST if start is None else start.position,
        participant=access.reader.user_nid if participated else None,
        limit=limit + 1,
    )
    more = len(places) > limit
    places = places[:limit]
    rows = events.rows_by_nid(place.root_nid for place in places)
    ordered = [rows[place.root_nid] for place in places if place.root_nid in rows]
    visible = filter_visible(ordered, access.reader.user_nid, show_ignored=True)
    return ThreadPage(
        _without_ignored(visible, access), StreamToken(places[-1].latest_position) if more else None
    )


def _without_ignored(rows: list[EventRow], access: RoomAccess) -> list[EventRow]:
    # A root of an ignored user is shown redacted, as a client would have it that aggregates by itself.
    ignored = ignored_users.ignored_by(access.reader.user_nid)
    return [
        row._replace(redacted_by_nid=ERASED)
        if row.sender_nid in ignored and row.redacted_by_nid is None
        else row
        for row in rows
    ]
