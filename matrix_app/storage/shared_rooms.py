"""Rooms with users of this server and of others."""

from __future__ import annotations

from typing import Final

from matrix_app.storage import db, interning
from matrix_app.storage.local_server import local_server_name

_SHARED: Final = (
    "FROM room_summary s WHERE s.local_joined_members > 0 AND EXISTS (SELECT 1 FROM room_server o"
    " WHERE o.room_nid = s.room_nid AND o.server_nid <> %s AND o.joined > 0)"
)


def count() -> int:
    """How many there are."""
    return int(db.value(f"SELECT count(*) {_SHARED}", (_own(),)))


def next_after(room_nid: int) -> int | None:
    """The nid of the next room in order."""
    sql = f"SELECT s.room_nid {_SHARED} AND s.room_nid > %s ORDER BY s.room_nid LIMIT 1"
    found: int | None = db.value(sql, (_own(), room_nid))
    return found


def has(room_nid: int) -> bool:
    """Whether a room is one of them."""
    return db.value(f"SELECT 1 {_SHARED} AND s.room_nid = %s LIMIT 1", (_own(), room_nid)) is not None


def _own() -> int:
    return interning.server_nid(local_server_name())
