"""Removing a room's old messages, a bounded number at a time; what the room's state needs stays.

Messages go with all that is known of them. Others stay as outliers, which history does not show: state
events, because the state is made of them, and what is to be kept for those who know its ID.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matrix_app.storage import db, search_index
from matrix_app.storage.events import E_COLUMNS, EventRow

Place = tuple[int, int]
BEGINNING: Place = (-1, -1)


class OldEvent(NamedTuple):
    """An event from before the place that is kept; `is_end` when nothing follows it yet."""

    row: EventRow
    is_local: bool
    is_end: bool


# Tables whose rows go with their event, with the column that names it.
_OF_EVENTS = (
    ("auth_chain", "event_nid"),
    ("redaction", "redaction_nid"),
    ("client_transaction", "event_nid"),
    ("event_relation", "event_nid"),
    ("event_expiry", "event_nid"),
    ("redacted_content", "event_nid"),
    ("relayed_event", "event_nid"),
    ("unread_entry", "event_nid"),
)


def old_events(room_nid: int, place: Place, limit: int) -> list[OldEvent]:
    """Events of a room that come before a place, the latest first: each is seen before what it follows."""
    sql = (
        f"SELECT {E_COLUMNS}, u.is_local, f.event_nid IS NOT NULL FROM event e"
        " JOIN matrix_user u ON u.nid = e.sender_nid"
        " LEFT JOIN forward_extremity f ON f.room_nid = e.room_nid AND f.event_nid = e.nid"
        " WHERE e.room_nid = %s AND (e.depth, e.nid) < (%s, %s) AND NOT e.is_outlier"
        " ORDER BY e.depth DESC, e.nid DESC LIMIT %s"
    )
    found = db.rows(sql, (room_nid, *place, limit))
    return [OldEvent(EventRow(*row[:-2]), row[-2], row[-1]) for row in found]


def remove(room_nid: int, event_nids: Sequence[int]) -> None:
    """Remove messages with everything that is known of them."""
    nids = db.any_of(event_nids)
    for table, column in _OF_EVENTS:
        db.execute(f"DELETE FROM {table} WHERE {db.in_any(column)}", (nids,))
    _close_gaps(room_nid, event_nids)
    search_index.remove(event_nids)
    db.execute(f"DELETE FROM event WHERE {db.in_any('nid')}", (nids,))


def hide(room_nid: int, event_nids: Sequence[int]) -> None:
    """Take events out of history; they are still here."""
    nids = db.any_of(event_nids)
    _close_gaps(room_nid, event_nids)
    db.execute(f"UPDATE event SET is_outlier = %s, position = NULL WHERE {db.in_any('nid')}", (True, nids))


def _close_gaps(room_nid: int, event_nids: Sequence[int]) -> None:
    sql = f"DELETE FROM backward_extremity WHERE room_nid = %s AND {db.in_any('event_nid')}"
    db.execute(sql, (room_nid, db.any_of(event_nids)))


def depth_at_time(room_nid: int, ts: int) -> int | None:
    """The depth of the first event of a room that was sent after a time, or None."""
    sql = (
        "SELECT min(depth) FROM (SELECT depth FROM event WHERE room_nid = %s AND origin_server_ts > %s"
        " AND NOT is_outlier AND status = 0 ORDER BY origin_server_ts LIMIT 200) AS first"
    )
    found: int | None = db.value(sql, (room_nid, ts))
    return found


def greatest_depth(room_nid: int) -> int:
    """The depth of the last event of a room."""
    return int(db.value("SELECT max(depth) FROM event WHERE room_nid = %s", (room_nid,)) or 0)
