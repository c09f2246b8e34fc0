"""The events that a user sent to a room, for those who have them redacted."""

from __future__ import annotations

from matrix_app.storage import db
from matrix_app.storage.events import COLUMNS, EventRow, Status


def rooms_of_sender(user_nid: int) -> list[int]:
    """The rooms that a user of this server is or was a member of, by nid."""
    sql = "SELECT room_nid FROM membership WHERE user_nid = %s ORDER BY room_nid"
    return [row[0] for row in db.rows(sql, (user_nid,))]


def before_place(room_nid: int, *, before: tuple[int, int], limit: int) -> list[EventRow]:
    """The `limit` events of a room before a place (depth, nid), whoever sent them.

    The caller picks those of a sender: reading by place keeps each statement bounded in any room.
    """
    sql = (
        f"SELECT {COLUMNS} FROM event WHERE room_nid = %s AND (depth, nid) < (%s, %s) AND status = %s"
        " ORDER BY depth DESC, nid DESC LIMIT %s"
    )
    return [EventRow(*row) for row in db.rows(sql, (room_nid, *before, Status.NORMAL, limit))]


def member_events(user_nid: int, from_ts: int) -> list[EventRow]:
    """The membership events that a user has sent since a time, in the rooms that they have to do with.

    Reads all that was sent to those rooms since then: for a page, not for every request.
    """
    sql = (
        f"SELECT {COLUMNS} FROM event WHERE room_nid IN (SELECT room_nid FROM membership WHERE user_nid = %s)"
        " AND origin_server_ts >= %s AND sender_nid = %s AND type = 'm.room.member' AND status = %s"
    )
    return [EventRow(*row) for row in db.rows(sql, (user_nid, from_ts, user_nid, Status.NORMAL))]
