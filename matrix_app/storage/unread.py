"""Unread state: read marks, and the events that differ for one user from everybody's default."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matrix_app.storage import db

ROOM = 0  # a mark for the whole room
MAIN = -1  # a mark for the main timeline


class ActionRow(NamedTuple):
    """An event whose effect on one user differs from the default."""

    user_nid: int
    room_nid: int
    event_nid: int
    thread_nid: int
    position: int
    notify: int
    highlight: int
    actions: bytes
    received_ts: int


def put_mark(user_nid: int, room_nid: int, thread_nid: int, position: int, ordinal: int) -> bool:
    """Move a read mark on; one that is further on already stays. Whether it moved."""
    sql = (
        "INSERT INTO read_mark (user_nid, room_nid, thread_nid, position, ordinal) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (user_nid, room_nid, thread_nid) DO UPDATE SET position = excluded.position,"
        " ordinal = excluded.ordinal WHERE read_mark.position < excluded.position"
    )
    return db.changed(sql, (user_nid, room_nid, thread_nid, position, ordinal)) == 1


def marks(user_nid: int, room_nids: Sequence[int]) -> dict[tuple[int, int], tuple[int, int]]:
    """A user's read marks in some rooms: (room, thread) to (position, ordinal)."""
    sql = f"SELECT room_nid, thread_nid, position, ordinal FROM read_mark WHERE user_nid = %s AND {db.in_any('room_nid')}"
    found = db.rows(sql, (user_nid, db.any_of(room_nids)))
    return {(room, thread): (position, ordinal) for room, thread, position, ordinal in found}


def put_actions(rows: Sequence[ActionRow]) -> None:
    """Store the differing effects of a new event."""
    sql = (
        f"INSERT INTO unread_action ({', '.join(ActionRow._fields)}) VALUES {{values}} ON CONFLICT DO NOTHING"
    )
    db.insert_many(sql, len(ActionRow._fields), rows)


def actions_after(user_nid: int, room_nid: int) -> list[tuple[int, int, int, int]]:
    """(thread, position, notify, highlight) of a user's differing events in a room."""
    sql = (
        "SELECT thread_nid, position, notify, highlight FROM unread_action"
        " WHERE user_nid = %s AND room_nid = %s"
    )
    return [(row[0], row[1], row[2], row[3]) for row in db.rows(sql, (user_nid, room_nid))]


def clear_actions(user_nid: int, room_nid: int, thread_nid: int, position: int) -> None:
    """Forget differing events up to `position`, of one timeline or (thread ROOM) of all."""
    sql = "DELETE FROM unread_action WHERE user_nid = %s AND room_nid = %s AND position <= %s"
    if thread_nid == ROOM:
        db.execute(sql, (user_nid, room_nid, position))
    else:
        db.execute(sql + " AND thread_nid = %s", (user_nid, room_nid, position, thread_nid))


def forget_event(event_nid: int) -> None:
    """Forget the differing effects of an event that has been redacted."""
    db.execute("DELETE FROM unread_action WHERE event_nid = %s", (event_nid,))


def ordinal_at(room_nid: int, thread_nid: int, position: int) -> int:
    """The unread ordinal of a timeline at a position: MAIN, or a thread's root."""
    if thread_nid == MAIN:
        sql = (
            "SELECT unread_ordinal FROM event WHERE room_nid = %s AND position <= %s AND position IS NOT NULL"
            " AND thread_root_nid IS NULL ORDER BY position DESC LIMIT 1"
        )
        return int(db.value(sql, (room_nid, position)) or 0)
    sql = (
        "SELECT unread_ordinal FROM event WHERE thread_root_nid = %s AND position <= %s"
        " AND thread_root_nid IS NOT NULL ORDER BY position DESC LIMIT 1"
    )
    return int(db.value(sql, (thread_nid, position)) or 0)


def custom_rules(user_nids: Sequence[int]) -> dict[int, bytes]:
    """The stored push rules of those users who have their own."""
    sql = f"SELECT user_nid, custom FROM push_rules WHERE {db.in_any('user_nid')}"
    return {nid: bytes(custom) for nid, custom in db.rows(sql, (db.any_of(user_nids),))}
