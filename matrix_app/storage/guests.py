"""Guests in rooms."""

from __future__ import annotations

from matrix_app.storage import db


def joined(room_nid: int) -> list[int]:
    """The nids of this server's guests who are joined to a room."""
    sql = (
        "SELECT m.user_nid FROM membership m JOIN account a ON a.user_nid = m.user_nid"
        " WHERE m.room_nid = %s AND m.membership = 2 AND m.is_local = %s AND a.is_guest = %s"
    )
    return [found[0] for found in db.rows(sql, (room_nid, True, True))]


def unwelcome() -> list[int]:
    """The rooms that have guests of this server in them, and by their state should have none."""
    sql = (
        "SELECT DISTINCT m.room_nid FROM account a JOIN membership m ON m.user_nid = a.user_nid"
        " JOIN room_summary s ON s.room_nid = m.room_nid"
        " WHERE a.is_guest = %s AND m.membership = 2 AND m.is_local = %s AND s.guest_access <> 'can_join'"
    )
    return [found[0] for found in db.rows(sql, (True, True))]
