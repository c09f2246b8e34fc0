"""How much a user has not read: differences of what stood at their read marks and what stands now.

Nothing is added up here that grows with what is unread: see ADR 5.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from matrix_app.storage import db
from matrix_app.storage.unread import EVERYBODY, MAIN, ROOM


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


@dataclass(slots=True)
class _Timeline:
    """What a timeline has for a user after their read mark, which is at `position`."""

    position: int = 0
    # What counts for everybody; then what does for this user in addition.
    base: int = 0
    notify: int = 0
    highlight: int = 0
    root_id: str | None = None


_Timelines = dict[tuple[int, int], _Timeline]
# (position, counts), in order
_Stances = list[tuple[int, bool]]


def counts(user_nid: int, room_nids: Sequence[int]) -> dict[int, RoomCounts]:
    """A user's unread counts in rooms where they are joined, by a constant number of statements."""
    if not room_nids:
        return {}
    timelines, stances = _read(user_nid, room_nids)
    if stances:
        _leave_silence_out(user_nid, timelines, stances)
    found: dict[int, RoomCounts] = {nid: RoomCounts() for nid in room_nids}
    for (room, timeline), state in timelines.items():
        count, highlight = max(0, state.base + state.notify), max(0, state.highlight)
        if timeline == MAIN:
            found[room].notification, found[room].highlight = count, highlight
        elif state.root_id is not None and (count or highlight):
            found[room].threads[state.root_id] = (count, highlight)
    return found


def _read(user_nid: int, room_nids: Sequence[int]) -> tuple[_Timelines, dict[int, _Stances]]:
    rooms = db.any_of(room_nids)
    timelines: _Timelines = defaultdict(_Timeline)
    stances: dict[int, _Stances] = defaultdict(list)
    parameters = (user_nid, user_nid, rooms) + (user_nid, rooms) * 3
    for part, room, timeline, position, first, second, root_id in db.rows(
        _unread_statement(db.is_sqlite()), parameters
    ):
        if part == _STANCE_PART:
            stances[room].append((position, bool(first)))
            continue
        state = timelines[(room, timeline)]
        if part == _ENTRY_PART:
            state.notify, state.highlight = first, second
        else:
            state.position, state.base = position, first
        state.root_id = root_id
    return timelines, stances


def _leave_silence_out(user_nid: int, timelines: _Timelines, stances: Mapping[int, _Stances]) -> None:
    """Take out what came while the user's rules let a room's messages not count."""
    unclear = set()
    for (room, _), state in timelines.items():
        known = sorted(stances.get(room, ()))
        if known and known[-1][0] <= state.position:
            state.base *= known[-1][1]
        elif known:
            unclear.add(room)
    if not unclear:
        return
    after = _counted_after_changes(user_nid, unclear)
    for (room, timeline), state in timelines.items():
        changes = sorted(stances.get(room, ()))
        if changes and changes[-1][0] > state.position:
            places = {position: after.get((room, timeline, position), 0) for position, _ in changes}
            state.base = _counting_part(state, changes, places)


def _counting_part(state: _Timeline, changes: _Stances, after: Mapping[int, int]) -> int:
    """Of what came after the read mark, that which came while the room counted.

    `after` is what came after the position of each change.
    """
    does_count, left, found = True, state.base, 0
    for position, counts_then in changes:
        if position > state.position:
            if does_count:
                found += left - after[position]
            left = after[position]
        does_count = counts_then
    return found + (left if does_count else 0)


def _counted_after_changes(user_nid: int, room_nids: Iterable[int]) -> dict[tuple[int, int, int], int]:
    """What counted for everybody after each change of the user's stance: by room, timeline, position."""
    rooms = db.any_of(room_nids)
    sql = _changes_statement(db.is_sqlite())
    found = db.rows(sql, (user_nid, rooms, user_nid, rooms))
    return {(room, timeline, position): count for room, timeline, position, count in found}


def _corrected(column: str, user: str, room: str, thread: str, after: str) -> str:
    """SQL for the sum of the corrections of a timeline at positions beyond `after`.

    Whole blocks of each level up to the end of the block above, so that few rows are added up.
    """
    return f"""coalesce((SELECT CAST(sum(c.{column}) AS bigint) FROM (VALUES (0), (8), (16), (24)) levels
    JOIN unread_correction c ON c.user_nid = {user} AND c.room_nid = {room} AND c.thread_nid = {thread}
    AND c.level = levels.column1 AND c.block > ({after} >> levels.column1)
    AND c.block < (CASE WHEN levels.column1 = 24 THEN 1099511627776
                   ELSE (({after} >> (levels.column1 + 8)) + 1) << 8 END)), 0)"""


def _main_ordinal(room: str, position: str) -> str:
    return f"""coalesce((SELECT e.unread_ordinal FROM event e WHERE e.room_nid = {room}
    AND e.position <= {position} AND e.position IS NOT NULL AND e.thread_root_nid IS NULL
    ORDER BY e.position DESC LIMIT 1), 0)"""


def _thread_ordinal(root: str, position: str) -> str:
    return f"""coalesce((SELECT e.unread_ordinal FROM event e WHERE e.thread_root_nid = {root}
    AND e.thread_root_nid IS NOT NULL AND e.position <= {position}
    ORDER BY e.position DESC LIMIT 1), 0)"""


_MARKS = f"""
LEFT JOIN read_mark whole ON whole.user_nid = %s AND whole.room_nid = r.nid AND whole.thread_nid = {ROOM}
LEFT JOIN read_mark main ON main.user_nid = %s AND main.room_nid = r.nid AND main.thread_nid = {MAIN}
"""

# Without a mark nothing is counted: counting starts with joining.
_MAIN_UNREAD = f"""
SELECT 0, m.room_nid, {MAIN}, m.position, m.latest - m.ordinal
    - {_corrected("notify", str(EVERYBODY), "m.room_nid", str(MAIN), "m.position")}, 0, NULL
FROM (SELECT r.nid AS room_nid, r.unread_ordinal AS latest,
      CASE WHEN coalesce(whole.position, 0) > coalesce(main.position, 0) THEN whole.position
      ELSE main.position END AS position,
      CASE WHEN coalesce(whole.position, 0) > coalesce(main.position, 0) THEN whole.ordinal
      ELSE main.ordinal END AS ordinal
      FROM room r {_MARKS} WHERE {{rooms}}) m
WHERE m.position IS NOT NULL
"""

# A thread has been read up to its own mark, or up to where the mark of the whole room stands.
_THREADS_UNREAD = f"""
SELECT 1, m.room_nid, m.root_nid, m.position, m.latest
    - {_thread_ordinal("m.root_nid", "m.position")}
    - {_corrected("notify", str(EVERYBODY), "m.room_nid", "m.root_nid", "m.position")}, 0, m.root_id
FROM (SELECT t.room_nid, t.root_nid, t.unread_ordinal AS latest, root.event_id AS root_id,
      CASE WHEN coalesce(own.position, 0) > whole.position THEN own.position
      ELSE whole.position END AS position
      FROM read_mark whole
      JOIN thread t ON t.room_nid = whole.room_nid AND t.latest_position > whole.position
      JOIN event root ON root.nid = t.root_nid
      LEFT JOIN read_mark own ON own.user_nid = whole.user_nid AND own.room_nid = whole.room_nid
          AND own.thread_nid = t.root_nid
      WHERE whole.user_nid = %s AND {{rooms}} AND whole.thread_nid = {ROOM}
      AND (own.position IS NULL OR own.position < t.latest_position)) m
"""

# What the first entry after the mark was added to is what had been counted up to the mark.
_ENTRY_PART = 2
_ENTRIES = f"""
SELECT {_ENTRY_PART}, m.room_nid, m.thread_nid, m.position,
    m.notify - f.notify_total + f.notify
    - {_corrected("notify", "f.user_nid", "m.room_nid", "m.thread_nid", "m.position")},
    m.highlight - f.highlight_total + f.highlight
    - {_corrected("highlight", "f.user_nid", "m.room_nid", "m.thread_nid", "m.position")}, root.event_id
FROM (SELECT u.user_nid, u.room_nid, u.thread_nid, u.notify, u.highlight,
      CASE WHEN coalesce(own.position, 0) > coalesce(whole.position, 0) THEN own.position
      ELSE coalesce(whole.position, 0) END AS position
      FROM unread_total u
      LEFT JOIN read_mark whole ON whole.user_nid = u.user_nid AND whole.room_nid = u.room_nid
          AND whole.thread_nid = {ROOM}
      LEFT JOIN read_mark own ON own.user_nid = u.user_nid AND own.room_nid = u.room_nid
          AND own.thread_nid = u.thread_nid
      WHERE u.user_nid = %s AND {{rooms}}) m
JOIN unread_entry f ON f.user_nid = m.user_nid AND f.room_nid = m.room_nid
    AND f.thread_nid = m.thread_nid
    AND f.position = (SELECT min(a.position) FROM unread_entry a WHERE a.user_nid = m.user_nid
        AND a.room_nid = m.room_nid AND a.thread_nid = m.thread_nid AND a.position > m.position)
LEFT JOIN event root ON root.nid = m.thread_nid
"""

_STANCE_PART = 3
_STANCES = f"""
SELECT {_STANCE_PART}, s.room_nid, 0, s.position, CASE WHEN s.counts THEN 1 ELSE 0 END, 0, NULL
FROM unread_stance s WHERE s.user_nid = %s AND {{rooms}}
"""


@lru_cache(maxsize=2)
def _unread_statement(sqlite: bool) -> str:
    """All parts in one statement: (part, room, timeline, position, number, highlights, root's event ID)."""
    parts = (
        _MAIN_UNREAD.format(rooms=db.in_any("r.nid")),
        _THREADS_UNREAD.format(rooms=db.in_any("whole.room_nid")),
        _ENTRIES.format(rooms=db.in_any("u.room_nid")),
        _STANCES.format(rooms=db.in_any("s.room_nid")),
    )
    return " UNION ALL ".join(parts)


@lru_cache(maxsize=2)
def _changes_statement(sqlite: bool) -> str:
    """What counted after each change of stance: (room, timeline, position, number)."""
    where = f"WHERE s.user_nid = %s AND {db.in_any('s.room_nid')}"
    nobody = str(EVERYBODY)
    return f"""
SELECT s.room_nid, {MAIN}, s.position, r.unread_ordinal - {_main_ordinal("s.room_nid", "s.position")}
    - {_corrected("notify", nobody, "s.room_nid", str(MAIN), "s.position")}
FROM unread_stance s JOIN room r ON r.nid = s.room_nid {where}
UNION ALL
SELECT s.room_nid, t.root_nid, s.position, t.unread_ordinal - {_thread_ordinal("t.root_nid", "s.position")}
    - {_corrected("notify", nobody, "s.room_nid", "t.root_nid", "s.position")}
FROM unread_stance s JOIN thread t ON t.room_nid = s.room_nid AND t.latest_position > s.position {where}
"""
