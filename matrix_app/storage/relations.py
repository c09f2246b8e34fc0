"""Relations between events, threads, and redactions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db

# The events of the thread of a root; what another room's say of it is no part of that.
_IN_THREAD = (
    "event root JOIN event_relation r ON r.parent_event_id = root.event_id AND r.room_nid = root.room_nid"
    " AND r.rel_type = 'm.thread' WHERE root.nid = %s"
)


class RelationRow(NamedTuple):
    """A relation that an event declares."""

    event_nid: int
    room_nid: int
    parent_event_id: str
    rel_type: str
    aggregation_key: str | None
    sender_nid: int
    type: str


def put(row: RelationRow) -> None:
    """Store the relation of a new event."""
    sql = (
        "INSERT INTO event_relation (event_nid, room_nid, parent_event_id, rel_type, aggregation_key,"
        " sender_nid, type) VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
    )
    db.execute(sql, row)


def remove(event_nid: int) -> None:
    """Forget the relation of an event that has been redacted."""
    db.execute("DELETE FROM event_relation WHERE event_nid = %s", (event_nid,))


def has_annotated(parent_event_id: str, sender_nid: int, event_type: str, key: str | None) -> bool:
    """Whether a user has annotated an event with a key already, by an event of the type."""
    sql = (
        "SELECT 1 FROM event_relation WHERE parent_event_id = %s AND rel_type = 'm.annotation'"
        " AND sender_nid = %s AND type = %s AND aggregation_key = %s LIMIT 1"
    )
    return db.value(sql, (parent_event_id, sender_nid, event_type, key)) is not None


def parent_of(event_nid: int) -> str | None:
    """The ID of the event that an event relates to."""
    sql = "SELECT parent_event_id FROM event_relation WHERE event_nid = %s"
    found: str | None = db.value(sql, (event_nid,))
    return found


class ThreadRow(NamedTuple):
    """A thread."""

    root_nid: int
    room_nid: int
    latest_nid: int
    latest_position: int
    reply_count: int
    unread_ordinal: int


def thread(root_nid: int) -> ThreadRow | None:
    """The thread of a root, or None."""
    sql = f"SELECT {', '.join(ThreadRow._fields)} FROM thread WHERE root_nid = %s"
    found = db.row(sql, (root_nid,))
    return ThreadRow(*found) if found else None


def threads(root_nids: Iterable[int]) -> dict[int, ThreadRow]:
    """Those of the roots that have a thread."""
    sql = f"SELECT {', '.join(ThreadRow._fields)} FROM thread WHERE {db.in_any('root_nid')}"
    return {found[0]: ThreadRow(*found) for found in db.rows(sql, (db.any_of(root_nids),))}


def extend_thread(row: ThreadRow, sender_nid: int) -> None:
    """Store a thread as it is with its newest event, sent by `sender_nid`."""
    sql = (
        f"INSERT INTO thread ({', '.join(ThreadRow._fields)}) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (root_nid) DO UPDATE SET latest_nid = excluded.latest_nid,"
        " latest_position = excluded.latest_position, reply_count = excluded.reply_count,"
        " unread_ordinal = excluded.unread_ordinal"
    )
    db.execute(sql, row)
    sql = "INSERT INTO thread_participant (root_nid, user_nid) VALUES (%s, %s) ON CONFLICT DO NOTHING"
    db.execute(sql, (row.root_nid, sender_nid))


def shorten_thread(root_nid: int, sender_nid: int) -> None:
    """Count an event of a thread out whose relation is gone; the newest of the others is the latest.

    `sender_nid` sent it, and took part in the thread only if they have sent another.
    """
    db.execute("UPDATE thread SET reply_count = reply_count - 1 WHERE root_nid = %s", (root_nid,))
    sql = (
        f"SELECT e.nid, e.position FROM (SELECT r.event_nid FROM {_IN_THREAD}) reply"
        " JOIN event e ON e.nid = reply.event_nid AND e.position IS NOT NULL ORDER BY e.nid DESC LIMIT 1"
    )
    if (latest := db.row(sql, (root_nid,))) is not None:
        sql = "UPDATE thread SET latest_nid = %s, latest_position = %s WHERE root_nid = %s"
        db.execute(sql, (*latest, root_nid))
    sql = (
        "DELETE FROM thread_participant WHERE root_nid = %s AND user_nid = %s AND NOT EXISTS"
        f" (SELECT 1 FROM {_IN_THREAD} AND r.sender_nid = %s)"
    )
    db.execute(sql, (root_nid, sender_nid, root_nid, sender_nid))


def put_redaction(redaction_nid: int, redacts_event_id: str, applied: bool) -> None:
    """Store that an event redacts another."""
    sql = (
        "INSERT INTO redaction (redaction_nid, redacts_event_id, applied) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING"
    )
    db.execute(sql, (redaction_nid, redacts_event_id, applied))


def pending_redactions(event_id: str) -> list[int]:
    """Redactions of an event that came before it, or could not be applied."""
    sql = (
        "SELECT redaction_nid FROM redaction WHERE redacts_event_id = %s AND NOT applied"
        " ORDER BY redaction_nid"
    )
    return [found[0] for found in db.rows(sql, (event_id,))]


def mark_applied(redaction_nid: int) -> None:
    """Note that a redaction has been applied."""
    db.execute("UPDATE redaction SET applied = %s WHERE redaction_nid = %s", (True, redaction_nid))
