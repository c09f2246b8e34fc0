"""Which thread an event belongs to ("Threaded read receipts")."""

from __future__ import annotations

from typing import Final

from matrix_app.storage import events, relations
from matrix_app.storage.events import EventRow

MAIN_THREAD: Final = "main"
# "A maximum of 3 hops is recommended to cover indirect relationships."
_MOST_HOPS: Final = 3


def timelines_of(event: EventRow) -> dict[str, int]:
    """The timelines that an event may be read in: thread IDs with the nid of the root, 0 for "main".

    An event is in one thread or in the main timeline; a thread's root, which any event may be, is in both.
    """
    root_nid = root_of(event)
    if root_nid is not None:
        return {events.ids_by_nid([root_nid])[root_nid]: root_nid}
    return {MAIN_THREAD: 0, event.event_id: event.nid}


def root_of(event: EventRow) -> int | None:
    """The root of the thread of an event, or of what it relates to; None outside threads."""
    for _ in range(_MOST_HOPS):
        if event.thread_root_nid is not None:
            return event.thread_root_nid
        parent_id = relations.parent_of(event.nid)
        parent = events.row_by_id(parent_id) if parent_id is not None else None
        if parent is None or parent.room_nid != event.room_nid:
            return None
        event = parent
    return event.thread_root_nid
