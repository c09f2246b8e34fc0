"""Entries of the present state of rooms, found by type or in many rooms at once."""

from __future__ import annotations

from collections.abc import Iterable

from matrix_app.storage import db, interning
from matrix_app.storage.events import E_COLUMNS, EventRow


def of_rooms(event_type: str, room_nids: Iterable[int]) -> dict[int, EventRow]:
    """By room: the event of a type with an empty key, in those rooms that have one."""
    key = interning.find_key(event_type, "")
    if key is None:
        return {}
    sql = (
        f"SELECT {E_COLUMNS} FROM current_state cs JOIN event e ON e.nid = cs.event_nid"
        f" WHERE {db.in_any('cs.room_nid')} AND cs.key_nid = %s"
    )
    rows = [EventRow(*found) for found in db.rows(sql, (db.any_of(room_nids), key))]
    return {row.room_nid: row for row in rows}


def of_type(room_nid: int, event_type: str) -> list[EventRow]:
    """The events of a type, which is not `m.room.member`, in the present state of a room."""
    sql = (
        f"SELECT {E_COLUMNS} FROM current_state cs JOIN state_key k ON k.nid = cs.key_nid"
        " JOIN event e ON e.nid = cs.event_nid WHERE cs.room_nid = %s AND NOT cs.is_member AND k.type = %s"
    )
    return [EventRow(*found) for found in db.rows(sql, (room_nid, event_type))]
