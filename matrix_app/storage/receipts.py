"""Receipts: up to which event users have read ("Receipts" of the client-server API)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from matrix_app.storage import db, interning

PUBLIC = "m.read"
PRIVATE = "m.read.private"
UNTHREADED = ""


class ReceiptRow(NamedTuple):
    """A receipt; `thread_id` is empty for an unthreaded one."""

    room_nid: int
    user_nid: int
    receipt_type: str
    thread_id: str
    event_id: str
    event_nid: int | None
    ts: int
    position: int


_COLUMNS = ", ".join(ReceiptRow._fields)
_R_COLUMNS = ", ".join(f"r.{field}" for field in ReceiptRow._fields)


def get(room_nid: int, user_nid: int, receipt_type: str, thread_id: str) -> ReceiptRow | None:
    """A user's receipt of one kind in one thread, or None."""
    sql = (
        f"SELECT {_COLUMNS} FROM receipt"
        " WHERE room_nid = %s AND user_nid = %s AND receipt_type = %s AND thread_id = %s"
    )
    found = db.row(sql, (room_nid, user_nid, receipt_type, thread_id))
    return ReceiptRow(*found) if found else None


def put(row: ReceiptRow) -> None:
    """Store a receipt in place of the one before it."""
    sql = (
        f"INSERT INTO receipt ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (room_nid, user_nid, receipt_type, thread_id) DO UPDATE SET"
        " event_id = excluded.event_id, event_nid = excluded.event_nid, ts = excluded.ts,"
        " position = excluded.position"
    )
    db.execute(sql, row)


def in_rooms(room_nids: Iterable[int], after: int, upto: int, viewer_nid: int) -> list[ReceiptRow]:
    """The receipts of rooms that changed after `after` up to `upto`; private ones of the viewer alone."""
    sql = (
        f"SELECT {_COLUMNS} FROM receipt WHERE {db.in_any('room_nid')} AND position > %s AND position <= %s"
        " AND (receipt_type <> 'm.read.private' OR user_nid = %s) ORDER BY position"
    )
    found = db.rows(sql, (db.any_of(room_nids), after, upto, viewer_nid))
    return [ReceiptRow(*columns) for columns in found]


def in_rooms_from(starts: Mapping[int, int], upto: int, viewer_nid: int) -> list[ReceiptRow]:
    """The receipts of rooms that changed after each room's own start; private ones of the viewer alone."""
    sql = (
        f"SELECT {_R_COLUMNS} FROM {db.pairs()} CROSS JOIN receipt r WHERE r.room_nid = pair.a"
        " AND r.position > pair.b AND r.position <= %s"
        " AND (r.receipt_type <> 'm.read.private' OR r.user_nid = %s)"
    )
    found = db.rows(sql, (db.pairs_of(starts.items()), upto, viewer_nid))
    return [ReceiptRow(*columns) for columns in found]


def own_in_rooms(user_nid: int, room_nids: Iterable[int], after: int = 0) -> list[ReceiptRow]:
    """All receipts of a user in some rooms, of after a position."""
    sql = (
        f"SELECT {_COLUMNS} FROM receipt WHERE user_nid = %s AND {db.in_any('room_nid')}"
        " AND position > %s ORDER BY position"
    )
    return [ReceiptRow(*columns) for columns in db.rows(sql, (user_nid, db.any_of(room_nids), after))]


def of_user(user_nid: int, room_nid: int) -> list[ReceiptRow]:
    """All receipts of a user in a room."""
    sql = f"SELECT {_COLUMNS} FROM receipt WHERE room_nid = %s AND user_nid = %s"
    return [ReceiptRow(*columns) for columns in db.rows(sql, (room_nid, user_nid))]


def contents(rows: Iterable[ReceiptRow]) -> dict[int, dict[str, Any]]:
    """The content of one `m.receipt` event for each room that has receipts among `rows`."""
    rows = list(rows)
    user_ids = interning.user_ids({row.user_nid for row in rows})
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        of_event = found.setdefault(row.room_nid, {}).setdefault(row.event_id, {})
        of_type = of_event.setdefault(row.receipt_type, {})
        data: dict[str, Any] = {"ts": row.ts}
        if row.thread_id != UNTHREADED:
            data["thread_id"] = row.thread_id
        # Of two receipts of a user for one event, the unthreaded one says more.
        kept = of_type.get(user_ids[row.user_nid])
        if kept is None or "thread_id" in kept:
            of_type[user_ids[row.user_nid]] = data
    return found
