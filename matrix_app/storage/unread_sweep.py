"""Removing unread entries that their users have read."""

from __future__ import annotations

from matrix_app.storage import db
from matrix_app.storage.unread import ROOM

MOST_STANCES = 20

Place = tuple[int, int, int]


def totals_after(place: Place, limit: int) -> list[Place]:
    """The next timelines for which users have had entries: (user, room, thread), in order."""
    sql = (
        "SELECT user_nid, room_nid, thread_nid FROM unread_total"
        " WHERE (user_nid, room_nid, thread_nid) > (%s, %s, %s)"
        " ORDER BY user_nid, room_nid, thread_nid LIMIT %s"
    )
    return [(user, room, thread) for user, room, thread in db.rows(sql, (*place, limit))]


def remove_read(user_nid: int, room_nid: int, thread_nid: int, limit: int) -> int:
    """Remove entries of a timeline that are behind the user's marks, `limit` at most; how many.

    When none is left the total goes too, and counting starts again from nothing.
    """
    place = (user_nid, room_nid, thread_nid)
    # Whoever adds an entry changes this row first.
    lock = "" if db.is_sqlite() else " FOR UPDATE"
    db.row(f"SELECT notify FROM unread_total WHERE {_PLACE}{lock}", place)
    upto = db.value(
        "SELECT max(position) FROM read_mark WHERE user_nid = %s AND room_nid = %s"
        " AND thread_nid IN (%s, %s)",
        (user_nid, room_nid, ROOM, thread_nid),
    )
    removed = db.changed(
        f"DELETE FROM unread_entry WHERE {_PLACE} AND position IN"
        f" (SELECT position FROM unread_entry WHERE {_PLACE} AND position <= %s ORDER BY position LIMIT %s)",
        (*place, *place, upto or 0, limit),
    )
    if removed < limit and not db.rows(f"SELECT 1 FROM unread_entry WHERE {_PLACE} LIMIT 1", place):
        db.execute(f"DELETE FROM unread_correction WHERE {_PLACE}", place)
        db.execute(f"DELETE FROM unread_total WHERE {_PLACE}", place)
    return removed


def remove_stances(user_nid: int, room_nid: int) -> None:
    """Remove old changes of a user's stance in a room: those that are behind their marks, but for the last.

    Of those that are not, the newest `MOST_STANCES` are kept.
    """
    place = (user_nid, room_nid)
    sql = (
        "DELETE FROM unread_stance WHERE user_nid = %s AND room_nid = %s AND (position <"
        " (SELECT max(s.position) FROM unread_stance s JOIN read_mark w ON w.user_nid = s.user_nid"
        "  AND w.room_nid = s.room_nid AND w.thread_nid = %s AND w.position >= s.position"
        "  WHERE s.user_nid = %s AND s.room_nid = %s)"
        " OR position <= (SELECT s.position FROM unread_stance s WHERE s.user_nid = %s AND s.room_nid = %s"
        "  ORDER BY s.position DESC LIMIT 1 OFFSET %s))"
    )
    db.execute(sql, (*place, ROOM, *place, *place, MOST_STANCES))


_PLACE = "user_nid = %s AND room_nid = %s AND thread_nid = %s"
