"""Rooms that nobody of this server may join any more."""

from __future__ import annotations

from matrix_app.storage import db


def is_blocked(room_nid: int) -> bool:
    """Whether a room is blocked."""
    return db.value("SELECT blocked_ts FROM room WHERE nid = %s", (room_nid,)) is not None


def set_blocked(room_nid: int, ts: int | None) -> None:
    """Block a room since `ts`, or (None) no longer."""
    db.execute("UPDATE room SET blocked_ts = %s WHERE nid = %s", (ts, room_nid))
