"""Who is typing in which room."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from matrix_app.storage import db
from matrix_app.storage.clock import now_ms
from matrix_app.storage.stream import Change, Kind, append


def put(room_nid: int, user_nid: int, expires_ts: int) -> bool:
    """Let a user type until `expires_ts`; whether they had not been typing."""
    sql = "UPDATE typing SET expires_ts = %s WHERE room_nid = %s AND user_nid = %s"
    if db.changed(sql, (expires_ts, room_nid, user_nid)):
        return False
    sql = (
        "INSERT INTO typing (room_nid, user_nid, expires_ts) VALUES (%s, %s, %s)"
        " ON CONFLICT (room_nid, user_nid) DO UPDATE SET expires_ts = excluded.expires_ts"
    )
    db.execute(sql, (room_nid, user_nid, expires_ts))
    return True


def remove(room_nid: int, user_nid: int) -> bool:
    """Let a user stop typing; whether they had been."""
    return db.changed("DELETE FROM typing WHERE room_nid = %s AND user_nid = %s", (room_nid, user_nid)) > 0


def remove_expired(now: int, limit: int = 500) -> list[int]:
    """Remove those whose time is over; the nids of their rooms."""
    sql = (
        "DELETE FROM typing WHERE (room_nid, user_nid) IN"
        " (SELECT room_nid, user_nid FROM typing WHERE expires_ts <= %s ORDER BY expires_ts LIMIT %s)"
        " RETURNING room_nid"
    )
    return sorted({found[0] for found in db.rows(sql, (now, limit))})


def has_expired(now: int) -> bool:
    """Whether anybody's time is over."""
    return db.value("SELECT 1 FROM typing WHERE expires_ts <= %s LIMIT 1", (now,)) is not None


def rooms_changed(room_nids: Sequence[int]) -> None:
    """Tell those in the rooms that the set of those who type changed; in a write transaction."""
    positions = append([Change(Kind.TYPING, room_nid) for room_nid in room_nids])
    sql = (
        "INSERT INTO room_typing (room_nid, position) VALUES {values}"
        " ON CONFLICT (room_nid) DO UPDATE SET position = excluded.position"
    )
    db.insert_many(sql, 2, list(zip(room_nids, positions, strict=True)))


def in_rooms(room_nids: Iterable[int], after: int, upto: int) -> dict[int, list[int]]:
    """For the rooms where it changed after `after` up to `upto`: the nids of those who type now."""
    sql = (
        "SELECT r.room_nid, t.user_nid FROM room_typing r"
        " LEFT JOIN typing t ON t.room_nid = r.room_nid AND t.expires_ts > %s"
        f" WHERE {db.in_any('r.room_nid')} AND r.position > %s AND r.position <= %s"
    )
    found: dict[int, list[int]] = {}
    for room_nid, user_nid in db.rows(sql, (now_ms(), db.any_of(room_nids), after, upto)):
        users = found.setdefault(room_nid, [])
        if user_nid is not None:
            users.append(user_nid)
    return found
