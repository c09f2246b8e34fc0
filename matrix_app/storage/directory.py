"""The public room directory."""

from __future__ import annotations

from matrix_app.storage import db


def is_published(room_nid: int) -> bool:
    """Whether a room is listed in the directory."""
    return bool(db.value("SELECT is_published FROM room WHERE nid = %s", (room_nid,)))


def set_published(room_nid: int, published: bool) -> None:
    """List a room in the directory, or no longer."""
    db.execute("UPDATE room SET is_published = %s WHERE nid = %s", (published, room_nid))
