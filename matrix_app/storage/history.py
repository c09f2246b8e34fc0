"""The history of rooms: places in it, and events by the time they were sent."""

from __future__ import annotations

from matrix_app.storage import db
from matrix_app.storage.events import COLUMNS, E_COLUMNS, EventRow

# What came latest has not always the greatest depth: so many of the newest are looked at.
_NEWEST = 20


def place_at(room_nid: int, position: int) -> tuple[int, int] | None:
    """The (depth, nid) behind the events that had come to a room at a position of the stream."""
    sql = (
        "SELECT depth, nid FROM event WHERE room_nid = %s AND position <= %s AND position IS NOT NULL"
        " AND status = 0 AND NOT is_outlier ORDER BY position DESC LIMIT %s"
    )
    found = db.rows(sql, (room_nid, position, _NEWEST))
    return max((depth, nid) for depth, nid in found) if found else None


def first_since(room_nid: int, position: int) -> tuple[int, int] | None:
    """The (depth, nid) of the first event that came to a room after a position of the stream."""
    sql = (
        "SELECT depth, nid FROM event WHERE room_nid = %s AND position > %s AND position IS NOT NULL"
        " AND status = 0 AND NOT is_outlier ORDER BY position LIMIT 1"
    )
    found = db.row(sql, (room_nid, position))
    return (found[0], found[1]) if found else None


def last_before(room_nid: int, place: tuple[int, int]) -> EventRow | None:
    """The last event of a room at or before a place."""
    sql = (
        f"SELECT {COLUMNS} FROM event WHERE room_nid = %s AND (depth, nid) <= (%s, %s)"
        " AND status = 0 AND NOT is_outlier ORDER BY depth DESC, nid DESC LIMIT 1"
    )
    found = db.row(sql, (room_nid, *place))
    return EventRow(*found) if found else None


def last_place(room_nid: int) -> tuple[int, int]:
    """The (depth, nid) of the last event of a room."""
    sql = (
        "SELECT depth, nid FROM event WHERE room_nid = %s AND status = 0 AND NOT is_outlier"
        " ORDER BY depth DESC, nid DESC LIMIT 1"
    )
    found = db.row(sql, (room_nid,))
    return (found[0], found[1]) if found else (0, 0)


def present_member_events(room_nid: int) -> list[EventRow]:
    """The present member events of everybody who has one in a room."""
    sql = (
        f"SELECT {E_COLUMNS} FROM membership m JOIN event e ON e.nid = m.event_nid"
        " WHERE m.room_nid = %s ORDER BY e.nid"
    )
    return [EventRow(*found) for found in db.rows(sql, (room_nid,))]


def joined_member_events(room_nid: int) -> list[tuple[str, bytes]]:
    """(user ID, member event as stored) of everybody who is joined to a room."""
    sql = (
        "SELECT u.user_id, e.json FROM membership m JOIN event e ON e.nid = m.event_nid"
        " JOIN matrix_user u ON u.nid = m.user_nid WHERE m.room_nid = %s AND m.membership = 2"
    )
    return [(user_id, bytes(stored)) for user_id, stored in db.rows(sql, (room_nid,))]


def by_time(
    room_nid: int, ts: int, *, after: tuple[int, int] | None, backwards: bool, limit: int
) -> list[EventRow]:
    """Events of a room sent at `ts` or later, or `backwards` at `ts` or earlier, the closest first.

    `after` is the (origin_server_ts, nid) of the last one that was looked at.
    """
    order, compare = ("DESC", "<") if backwards else ("ASC", ">")
    sql = (
        f"SELECT {COLUMNS} FROM event WHERE room_nid = %s AND (origin_server_ts, nid) {compare} (%s, %s)"
        f" AND status = 0 AND NOT is_outlier ORDER BY origin_server_ts {order}, nid {order} LIMIT %s"
    )
    start = after or (ts, (1 << 63) - 1 if backwards else -1)
    return [EventRow(*found) for found in db.rows(sql, (room_nid, *start, limit))]


def latest_bodies(
    room_nid: int, before: tuple[int, int] | None, limit: int
) -> list[tuple[tuple[int, int], bytes]]:
    """As `bodies`, from the end of the room's history backwards, before a place."""
    sql = (
        "SELECT depth, nid, json FROM event WHERE room_nid = %s AND (depth, nid) < (%s, %s) AND status = 0"
        " ORDER BY depth DESC, nid DESC LIMIT %s"
    )
    found = db.rows(sql, (room_nid, *(before or (1 << 62, 0)), limit))
    return [((depth, nid), bytes(stored)) for depth, nid, stored in found]


def bodies(room_nid: int, after: tuple[int, int], limit: int) -> list[tuple[tuple[int, int], bytes]]:
    """Places (depth, nid) and PDUs as stored of a room's events, outliers too, by their places."""
    sql = (
        "SELECT depth, nid, json FROM event WHERE room_nid = %s AND (depth, nid) > (%s, %s) AND status = 0"
        " ORDER BY depth, nid LIMIT %s"
    )
    found = db.rows(sql, (room_nid, *after, limit))
    return [((depth, nid), bytes(stored)) for depth, nid, stored in found]
