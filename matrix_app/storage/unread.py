"""Unread state: read marks, and the events that differ for one user from everybody's default."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import orjson

from matrix_app.protocol.push_rules import is_static_for_room
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


def clear_actions(user_nid: int, room_nid: int, thread_nid: int, position: int, limit: int = 1000) -> int:
    """Forget differing events up to `position`, of one timeline or (thread ROOM) of all; how many.

    At most `limit` go at a time: `counts` leaves out those behind the read mark anyway.
    """
    sql = (
        "DELETE FROM unread_action WHERE user_nid = %s AND room_nid = %s AND event_nid IN (SELECT event_nid"
        " FROM unread_action WHERE user_nid = %s AND room_nid = %s AND position <= %s"
        " AND (%s = 0 OR thread_nid = %s) ORDER BY position LIMIT %s)"
    )
    place = (user_nid, room_nid)
    return db.changed(sql, (*place, *place, position, thread_nid, thread_nid, limit))


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


@dataclass(slots=True)
class RoomCounts:
    """A user's unread counts in a room: of the main timeline, and of each thread by its root's event ID."""

    notification: int = 0
    highlight: int = 0
    threads: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def total_notification(self) -> int:
        """The count of the whole room, for clients that do not ask for threads."""
        return self.notification + sum(count for count, _ in self.threads.values())

    @property
    def total_highlight(self) -> int:
        """The highlights of the whole room, for clients that do not ask for threads."""
        return self.highlight + sum(count for _, count in self.threads.values())


def counts(user_nid: int, room_nids: Sequence[int], *, rules: bytes | None) -> dict[int, RoomCounts]:
    """A user's unread counts in rooms where they are joined, by a constant number of statements.

    `rules` are the user's own push rules, from `custom_rules`, or None.
    """
    if not room_nids:
        return {}
    rooms = db.any_of(room_nids)
    silent = set() if rules is None else _silent_rooms(rules, room_nids)
    found: dict[int, RoomCounts] = {nid: RoomCounts() for nid in room_nids}
    base: dict[tuple[int, int], int] = {}
    special: dict[tuple[int, int], tuple[int, int]] = {}
    roots: dict[int, str] = {}
    sql = _unread_statement(db.is_sqlite())
    for part, room, timeline, root_id, first, second in db.rows(
        sql, (user_nid, user_nid, rooms) + (user_nid, rooms) * 2
    ):
        if part == _SPECIAL_PART:
            special[(room, timeline)] = (int(first), int(second))
        else:
            base[(room, timeline)] = 0 if room in silent else first
            if root_id is not None:
                roots[timeline] = root_id
    for room, timeline in base.keys() | special.keys():
        notify, highlight = special.get((room, timeline), (0, 0))
        count = max(0, base.get((room, timeline), 0) + notify)
        if timeline == MAIN:
            found[room].notification, found[room].highlight = count, highlight
        elif timeline in roots and (count or highlight):
            found[room].threads[roots[timeline]] = (count, highlight)
    return found


# Without a mark nothing is counted: counting starts with joining.
_MAIN_UNREAD = f"""
SELECT 0, r.nid, {MAIN}, NULL, r.unread_ordinal - CASE
    WHEN whole.ordinal IS NULL AND main.ordinal IS NULL THEN r.unread_ordinal
    WHEN coalesce(whole.ordinal, 0) > coalesce(main.ordinal, 0) THEN whole.ordinal
    ELSE coalesce(main.ordinal, 0) END, 0
FROM room r
LEFT JOIN read_mark whole ON whole.user_nid = %s AND whole.room_nid = r.nid AND whole.thread_nid = {ROOM}
LEFT JOIN read_mark main ON main.user_nid = %s AND main.room_nid = r.nid AND main.thread_nid = {MAIN}
WHERE {{rooms}}
"""

# A thread has been read up to its own mark, or up to where the mark of the whole room stands.
_THREADS_UNREAD = f"""
SELECT 1, t.room_nid, t.root_nid, root.event_id, t.unread_ordinal - CASE
    WHEN own.ordinal IS NOT NULL AND own.position > whole.position THEN own.ordinal
    ELSE coalesce((SELECT e.unread_ordinal FROM event e
                   WHERE e.thread_root_nid = t.root_nid AND e.thread_root_nid IS NOT NULL
                   AND e.position <= whole.position ORDER BY e.position DESC LIMIT 1), 0) END, 0
FROM read_mark whole
JOIN thread t ON t.room_nid = whole.room_nid AND t.latest_position > whole.position
JOIN event root ON root.nid = t.root_nid
LEFT JOIN read_mark own ON own.user_nid = whole.user_nid AND own.room_nid = whole.room_nid
    AND own.thread_nid = t.root_nid
WHERE whole.user_nid = %s AND {{rooms}} AND whole.thread_nid = {ROOM}
    AND (own.position IS NULL OR own.position < t.latest_position)
"""

_SPECIAL_PART = 2
_SPECIAL = f"""
SELECT {_SPECIAL_PART}, a.room_nid, a.thread_nid, NULL, sum(a.notify), sum(a.highlight) FROM unread_action a
LEFT JOIN read_mark whole ON whole.user_nid = a.user_nid AND whole.room_nid = a.room_nid
    AND whole.thread_nid = {ROOM}
LEFT JOIN read_mark own ON own.user_nid = a.user_nid AND own.room_nid = a.room_nid
    AND own.thread_nid = a.thread_nid
WHERE a.user_nid = %s AND {{rooms}}
    AND a.position > coalesce(whole.position, 0) AND a.position > coalesce(own.position, 0)
GROUP BY a.room_nid, a.thread_nid
"""


@lru_cache(maxsize=2)
def _unread_statement(sqlite: bool) -> str:
    """All three parts in one statement: (part, room, timeline, root's event ID, number, highlights)."""
    parts = (
        _MAIN_UNREAD.format(rooms=db.in_any("r.nid")),
        _THREADS_UNREAD.format(rooms=db.in_any("whole.room_nid")),
        _SPECIAL.format(rooms=db.in_any("a.room_nid")),
    )
    return " UNION ALL ".join(parts)


def _silent_rooms(stored: bytes, room_nids: Sequence[int]) -> set[int]:
    """The rooms where nothing counts for the user but what has a row."""
    custom = _parsed_rules(stored)
    names = db.rows(f"SELECT nid, room_id FROM room WHERE {db.in_any('nid')}", (db.any_of(room_nids),))
    silent = ("muted", "mentions-only")
    return {nid for nid, room_id in names if is_static_for_room(custom, room_id) in silent}


@lru_cache(maxsize=256)
def _parsed_rules(stored: bytes) -> dict[str, Any]:
    parsed: dict[str, Any] = orjson.loads(stored)
    return parsed
