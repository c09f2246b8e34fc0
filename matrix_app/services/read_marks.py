"""How far users have read each timeline; see `effects/unread.py` for what is counted."""

from __future__ import annotations

from typing import Final

from matrix_app.services.background import run_later
from matrix_app.storage import db, unread

# So many rows go with the request that reads; the others are no longer counted, and go later.
BATCH: Final = 1000


def mark_read(user_nid: int, room_nid: int, thread_nid: int, position: int) -> bool:
    """Let a user have read a timeline up to a position, in a write transaction; whether that is news.

    `thread_nid` is `unread.ROOM` for everything in the room, `unread.MAIN`, or a thread's root.
    """
    timeline = unread.MAIN if thread_nid == unread.ROOM else thread_nid
    ordinal = unread.ordinal_at(room_nid, timeline, position)
    if not unread.put_mark(user_nid, room_nid, thread_nid, position, ordinal):
        return False
    if unread.clear_actions(user_nid, room_nid, thread_nid, position, BATCH) == BATCH:
        run_later("clear_read_actions", user_nid, room_nid, thread_nid, position)
    return True


def clear_read_actions(user_nid: int, room_nid: int, thread_nid: int, position: int) -> None:
    """Remove what is behind a read mark, a batch at a time: there is no limit to what one can miss."""
    removed = BATCH
    while removed == BATCH:
        with db.write():
            removed = unread.clear_actions(user_nid, room_nid, thread_nid, position, BATCH)
