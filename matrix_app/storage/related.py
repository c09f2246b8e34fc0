"""Pages of the events that relate to an event, and of the threads of a room."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db, events
from matrix_app.storage.events import EventRow

RECURSION_DEPTH = 3

# A recursion starts from so many of the newest children, and goes through so many events in all.
_MOST_CHILDREN = 5000
_MOST_DESCENDANTS = 20_000

_TREE = f"""
WITH RECURSIVE tree(nid, event_id, level) AS (
    SELECT e.nid, e.event_id, 1 FROM (
        SELECT event_nid FROM event_relation WHERE parent_event_id = %s AND room_nid = %s
        ORDER BY event_nid DESC LIMIT {_MOST_CHILDREN}
    ) child JOIN event e ON e.nid = child.event_nid
    UNION
    SELECT e.nid, e.event_id, above.level + 1
    FROM tree above JOIN event_relation r ON r.parent_event_id = above.event_id AND r.room_nid = %s
    JOIN event e ON e.nid = r.event_nid
    WHERE above.level < {RECURSION_DEPTH}
)
SELECT e.nid
FROM (SELECT DISTINCT nid FROM (SELECT nid FROM tree LIMIT {_MOST_DESCENDANTS}) found) chosen
JOIN event_relation r ON r.event_nid = chosen.nid JOIN event e ON e.nid = chosen.nid
WHERE """

_CHILDREN = """
SELECT e.nid FROM event_relation r JOIN event e ON e.nid = r.event_nid
WHERE r.parent_event_id = %s AND r.room_nid = %s AND """


class Wanted(NamedTuple):
    """Which of the events that relate to a parent; `recurse` asks for those behind them too."""

    rel_type: str | None = None
    type: str | None = None
    recurse: bool = False


def related(
    parent_id: str,
    room_nid: int,
    wanted: Wanted,
    *,
    after: tuple[int, int],
    before: tuple[int, int],
    backwards: bool,
    limit: int,
) -> list[EventRow]:
    """Events that relate to one, in the order of history, between two (depth, nid) points, exclusive."""
    if wanted.recurse:
        sql, parameters = _TREE, [parent_id, room_nid, room_nid]
    else:
        sql, parameters = _CHILDREN, [parent_id, room_nid]
    for column, value in (("r.rel_type", wanted.rel_type), ("r.type", wanted.type)):
        if value is not None:
            sql += f"{column} = %s AND "
            parameters.append(value)
    order = "DESC" if backwards else "ASC"
    sql += (
        "(e.depth, e.nid) > (%s, %s) AND (e.depth, e.nid) < (%s, %s) AND e.status = 0 AND NOT e.is_outlier"
        f" AND e.redacted_by_nid IS NULL ORDER BY e.depth {order}, e.nid {order} LIMIT %s"
    )
    # Sorted are the keys alone: there may be many, and whole events are large.
    nids = [found[0] for found in db.rows(sql, (*parameters, *after, *before, limit))]
    rows = events.rows_by_nid(nids) if nids else {}
    return [rows[nid] for nid in nids if nid in rows]


class ThreadPlace(NamedTuple):
    """A thread in the list of threads."""

    root_nid: int
    latest_position: int


def threads_of_room(room_nid: int, *, before: int, participant: int | None, limit: int) -> list[ThreadPlace]:
    """Threads whose latest event came before a position, the latest first.

    With `participant`, only those whose root that user sent, or that they sent an event into.
    """
    sql = (
        "SELECT t.root_nid, t.latest_position FROM thread t WHERE t.room_nid = %s AND t.latest_position < %s"
    )
    sql += " AND t.reply_count > 0"
    parameters = [room_nid, before]
    if participant is not None:
        sql += (
            " AND (EXISTS (SELECT 1 FROM thread_participant p"
            " WHERE p.root_nid = t.root_nid AND p.user_nid = %s)"
            " OR EXISTS (SELECT 1 FROM event e WHERE e.nid = t.root_nid AND e.sender_nid = %s))"
        )
        parameters += [participant, participant]
    sql += " ORDER BY t.latest_position DESC LIMIT %s"
    return [ThreadPlace(*found) for found in db.rows(sql, (*parameters, limit))]
