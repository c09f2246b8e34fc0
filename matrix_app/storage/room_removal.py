"""Removing what a room consists of, a bounded number of rows at a time.

The row of the room itself stays: it is the room's identity, which caches rely on, and says whether the room
is blocked.
"""

from __future__ import annotations

from matrix_app.storage import db

CHUNK = 1000

# Tables whose rows name an event, with the column that does.
_OF_EVENTS = (
    ("auth_chain", "event_nid"),
    ("redaction", "redaction_nid"),
    ("client_transaction", "event_nid"),
    ("thread_participant", "root_nid"),
    ("unread_entry", "event_nid"),
)
# Tables whose rows name the room.
_OF_ROOM = (
    "event_relation",
    "thread",
    "thread_subscription",
    "current_state",
    "current_state_delta",
    "membership",
    "room_server",
    "room_summary",
    "room_alias",
    "appservice_room",
    "forward_extremity",
    "backward_extremity",
    "invite_state",
    "account_data",
    "receipt",
    "read_mark",
    "unread_total",
    "unread_correction",
    "unread_stance",
    "typing",
    "room_typing",
    "state_snapshot",
)


def remove_events(room_nid: int) -> bool:
    """Remove some events of a room and what is known of each; whether there may be more."""
    found = db.rows("SELECT nid FROM event WHERE room_nid = %s LIMIT %s", (room_nid, CHUNK))
    nids = db.any_of(row[0] for row in found)
    for table, column in _OF_EVENTS:
        db.execute(f"DELETE FROM {table} WHERE {db.in_any(column)}", (nids,))
    db.execute(f"DELETE FROM event WHERE {db.in_any('nid')}", (nids,))
    return len(found) == CHUNK


def remove_rest(room_nid: int) -> None:
    """Remove what a room has beside its events, and set it back to a room without any."""
    for table in _OF_ROOM:
        db.execute(f"DELETE FROM {table} WHERE room_nid = %s", (room_nid,))
    sql = (
        "UPDATE room SET state_nid = NULL, is_published = %s, unread_ordinal = 0, bump_position = 0"
        " WHERE nid = %s"
    )
    db.execute(sql, (False, room_nid))
