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
