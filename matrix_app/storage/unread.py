"""Unread state: read marks, and what differs for one user from everybody's default (ADR 5).

A timeline is a room outside threads (`MAIN`) or a thread, named by its root's nid.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matrix_app.storage import db

ROOM = 0  # a mark for the whole room
MAIN = -1  # a mark for the main timeline
EVERYBODY = 0  # in place of a user: what a timeline counts for all

# Corrections are summed up in blocks of 2**8, 2**16 and 2**24 positions.
LEVELS = (0, 8, 16, 24)


class Entry(NamedTuple):
    """An event whose effect on one user differs from the default."""

    user_nid: int
    room_nid: int
    thread_nid: int
    position: int
    event_nid: int
    notify: int
    highlight: int


class Correction(NamedTuple):
    """A position at which something was counted that is not to count any more."""

    user_nid: int
    room_nid: int
    thread_nid: int
    position: int
    notify: int
    highlight: int


def put_mark(user_nid: int, room_nid: int, thread_nid: int, position: int, ordinal: int) -> bool:
    """Move a read mark on; one that is further on already stays. Whether it moved."""
    sql = (
        "INSERT INTO read_mark (user_nid, room_nid, thread_nid, position, ordinal)"
        " VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (user_nid, room_nid, thread_nid) DO UPDATE SET position = excluded.position,"
        " ordinal = excluded.ordinal WHERE read_mark.position < excluded.position"
    )
    return db.changed(sql, (user_nid, room_nid, thread_nid, position, ordinal)) == 1


def marks(user_nid: int, room_nids: Sequence[int]) -> dict[tuple[int, int], tuple[int, int]]:
    """A user's read marks in some rooms: (room, thread) to (position, ordinal)."""
    sql = (
        "SELECT room_nid, thread_nid, position, ordinal FROM read_mark"
        f" WHERE user_nid = %s AND {db.in_any('room_nid')}"
    )
    found = db.rows(sql, (user_nid, db.any_of(room_nids)))
    return {(room, thread): (position, ordinal) for room, thread, position, ordinal in found}


def put_entries(entries: Sequence[Entry]) -> None:
    """Store how a new event differs for some users, each of them named once."""
    totals = db.insert_many(
        "INSERT INTO unread_total (user_nid, room_nid, thread_nid, notify, highlight) VALUES {values}"
        " ON CONFLICT (user_nid, room_nid, thread_nid) DO UPDATE SET"
        " notify = unread_total.notify + excluded.notify,"
        " highlight = unread_total.highlight + excluded.highlight RETURNING user_nid, notify, highlight",
        5,
        [(*entry[:3], entry.notify, entry.highlight) for entry in entries],
    )
    by_user = {user: (notify, highlight) for user, notify, highlight in totals}
    columns = (*Entry._fields, "notify_total", "highlight_total")
    sql = f"INSERT INTO unread_entry ({', '.join(columns)}) VALUES {{values}}"
    db.insert_many(sql, len(columns), [(*entry, *by_user[entry.user_nid]) for entry in entries])


def entries_of(event_nid: int) -> list[Entry]:
    """For whom an event differs from the default."""
    sql = f"SELECT {', '.join(Entry._fields)} FROM unread_entry WHERE event_nid = %s"
    return [Entry(*found) for found in db.rows(sql, (event_nid,))]


def correct(corrections: Iterable[Correction]) -> None:
    """Let what was counted at these positions count no more, for whoever has not read so far."""
    sql = (
        "INSERT INTO unread_correction (user_nid, room_nid, thread_nid, level, block, notify, highlight)"
        " VALUES {values} ON CONFLICT (user_nid, room_nid, thread_nid, level, block) DO UPDATE SET"
        " notify = unread_correction.notify + excluded.notify,"
        " highlight = unread_correction.highlight + excluded.highlight"
    )
    rows = [
        (*item[:3], level, item.position >> level, item.notify, item.highlight)
        for item in corrections
        for level in LEVELS
    ]
    db.insert_many(sql, 7, rows)


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


def put_stances(user_nid: int, position: int, counts: dict[int, bool]) -> None:
    """From `position` on the messages of these rooms count for a user, or do not."""
    sql = (
        "INSERT INTO unread_stance (user_nid, room_nid, position, counts) VALUES {values}"
        " ON CONFLICT (user_nid, room_nid, position) DO UPDATE SET counts = excluded.counts"
    )
    db.insert_many(sql, 4, [(user_nid, room_nid, position, does) for room_nid, does in counts.items()])


def stances(user_nid: int, room_nids: Iterable[int]) -> dict[int, list[tuple[int, bool]]]:
    """Where the messages of rooms began to count for a user, and ceased to: (position, counts) in order.

    Rooms that have always counted are left out.
    """
    sql = (
        "SELECT room_nid, position, counts FROM unread_stance"
        f" WHERE user_nid = %s AND {db.in_any('room_nid')} ORDER BY room_nid, position"
    )
    found: dict[int, list[tuple[int, bool]]] = {}
    for room_nid, position, counts in db.rows(sql, (user_nid, db.any_of(room_nids))):
        found.setdefault(room_nid, []).append((position, bool(counts)))
    return found


def custom_rules(user_nids: Sequence[int]) -> dict[int, bytes]:
    """The stored push rules of those users who have their own."""
    sql = f"SELECT user_nid, custom FROM push_rules WHERE {db.in_any('user_nid')}"
    return {nid: bytes(custom) for nid, custom in db.rows(sql, (db.any_of(user_nids),))}


class Personal(NamedTuple):
    """What makes events something else to a user: their own rules, and whom they ignore. JSON, or None."""

    rules: bytes | None
    ignored: bytes | None


def personal(user_nids: Sequence[int]) -> dict[int, Personal]:
    """What of their own users have."""
    sql = (
        "SELECT u.nid, p.custom, a.content FROM matrix_user u LEFT JOIN push_rules p ON p.user_nid = u.nid"
        " LEFT JOIN account_data a ON a.user_nid = u.nid AND a.room_nid = 0"
        f" AND a.type = 'm.ignored_user_list' WHERE {db.in_any('u.nid')}"
    )
    return {
        nid: Personal(None if custom is None else bytes(custom), None if ignored is None else bytes(ignored))
        for nid, custom, ignored in db.rows(sql, (db.any_of(user_nids),))
    }
