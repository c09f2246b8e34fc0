"""The events that a user sent to a room, for those who have them redacted."""

from __future__ import annotations

from matrix_app.storage import db
from matrix_app.storage.events import COLUMNS, EventRow, Status

_LAST = ((1 << 62), (1 << 62))


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


def after_place(
    room_nid: int, sender_nid: int, *, after: tuple[int, int], span: int, limit: int
) -> tuple[list[EventRow], tuple[int, int] | None]:
    """The events of a sender among the next `span` of a room, `limit` at most, and where to go on.

    That is None at the end of the room.
    """
    sql = (
        "SELECT depth, nid FROM event WHERE room_nid = %s AND (depth, nid) > (%s, %s)"
        " ORDER BY depth, nid LIMIT 1 OFFSET %s"
    )
    last = db.row(sql, (room_nid, *after, span - 1))
    end = (last[0], last[1]) if last else _LAST
    sql = (
        f"SELECT {COLUMNS} FROM event WHERE room_nid = %s AND (depth, nid) > (%s, %s)"
        " AND (depth, nid) <= (%s, %s) AND sender_nid = %s AND status = %s ORDER BY depth, nid LIMIT %s"
    )
    values = (room_nid, *after, *end, sender_nid, Status.NORMAL, limit)
    found = [EventRow(*row) for row in db.rows(sql, values)]
    if len(found) == limit:
        return found, (found[-1].depth, found[-1].nid)
    return found, None if last is None else end


def member_events(user_nid: int, from_ts: int) -> list[EventRow]:
    """The membership events that a user has sent since a time, in the rooms that they have to do with.

    Reads all that was sent to those rooms since then: for a page, not for every request.
    """
    sql = (
        f"SELECT {COLUMNS} FROM event WHERE room_nid IN (SELECT room_nid FROM membership WHERE user_nid = %s)"
        " AND origin_server_ts >= %s AND sender_nid = %s AND type = 'm.room.member' AND status = %s"
    )
    return [EventRow(*row) for row in db.rows(sql, (user_nid, from_ts, user_nid, Status.NORMAL))]
