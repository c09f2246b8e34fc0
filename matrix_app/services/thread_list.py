"""The threads of a room ("Querying threads in a room")."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.protocol.tokens import StreamToken
from matrix_app.services.room_access import RoomAccess
from matrix_app.services.thread_summaries import find_threads
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
    ignored = ignored_users.ignored_by(access.reader.user_nid)
    threads = _as_seen(visible, access.reader.user_nid, ignored)
    return ThreadPage(
        _without_ignored(threads, ignored), StreamToken(places[-1].latest_position) if more else None
    )


def _as_seen(roots: list[EventRow], reader_nid: int, ignored: frozenset[int]) -> list[EventRow]:
    """The roots "ordered by the `latest_event`" that the reader gets; without those that have none."""
    if not ignored:
        return roots
    found = find_threads(roots, reader_nid, ignored).summaries
    latest = {root.nid: found[root.nid].latest_event for root in roots if root.nid in found}
    seen = [root for root in roots if root.nid in latest]
    return sorted(seen, key=lambda root: latest[root.nid].position or 0, reverse=True)


def _without_ignored(rows: list[EventRow], ignored: frozenset[int]) -> list[EventRow]:
    # A root of an ignored user is shown redacted, as a client would have it that aggregates by itself.
    return [
        row._replace(redacted_by_nid=ERASED)
        if row.sender_nid in ignored and row.redacted_by_nid is None
        else row
        for row in rows
    ]
