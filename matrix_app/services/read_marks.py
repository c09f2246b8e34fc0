"""How far users have read each timeline; see `effects/unread.py` for what is counted."""

from __future__ import annotations

import time
from typing import Final

from matrix_app.storage import db, unread, unread_sweep

PAGE: Final = 200
BATCH: Final = 1000
# Between batches the database is left to others for so many times as long as a batch took.
REST: Final = 2.0


def mark_read(user_nid: int, room_nid: int, thread_nid: int, position: int) -> bool:
    """Let a user have read a timeline up to a position, in a write transaction; whether that is news.

    `thread_nid` is `unread.ROOM` for everything in the room, `unread.MAIN`, or a thread's root. It costs
    the same however much is read: entries behind the mark are no longer counted, and go later.
    """
    timeline = unread.MAIN if thread_nid == unread.ROOM else thread_nid
    ordinal = unread.ordinal_at(room_nid, timeline, position)
    return unread.put_mark(user_nid, room_nid, thread_nid, position, ordinal)


def sweep() -> int:
    """Remove what is behind read marks, a batch at a time: there is no limit to what one can miss.

    To be run again and again; it may be ended at any time. How many entries went.
    """
    removed, after = 0, (0, 0, -2)
    while page := unread_sweep.totals_after(after, PAGE):
        for place in page:
            removed += _sweep_timeline(*place)
        after = page[-1]
    return removed


def _sweep_timeline(user_nid: int, room_nid: int, thread_nid: int) -> int:
    removed, batch = 0, BATCH
    while batch == BATCH:
        started = time.monotonic()
        with db.write():
            batch = unread_sweep.remove_read(user_nid, room_nid, thread_nid, BATCH)
        removed += batch
        if batch == BATCH:
            time.sleep(min(1.0, REST * (time.monotonic() - started)))
    return removed
