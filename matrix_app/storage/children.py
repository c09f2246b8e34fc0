"""Events that relate to other events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matrix_app.storage import db

# Of each kind of relation to one event, so many of the newest are read.
MOST_CHILDREN = 1000


class Child(NamedTuple):
    """An event that relates to another; redacted ones no longer do."""

    nid: int
    room_nid: int
    parent_event_id: str
    rel_type: str
    event_id: str
    sender_nid: int
    type: str
    origin_server_ts: int


_RELATED = """
SELECT e.nid, e.room_nid, ranked.parent_event_id, ranked.rel_type, e.event_id, e.sender_nid, e.type,
    e.origin_server_ts
FROM (
    SELECT event_nid, room_nid, parent_event_id, rel_type, ROW_NUMBER() OVER (
        PARTITION BY parent_event_id, rel_type ORDER BY event_nid DESC
    ) AS age
    FROM event_relation WHERE {parents} AND {kinds}
) ranked
JOIN event e ON e.nid = ranked.event_nid
WHERE ranked.age <= %s AND e.status = 0 AND NOT e.is_outlier AND e.key_nid IS NULL
    AND e.redacted_by_nid IS NULL
ORDER BY e.nid
"""


def related_to(parent_ids: Iterable[str], rel_types: Sequence[str]) -> list[Child]:
    """The events that relate to any of the parents in one of the ways, oldest first."""
    sql = _RELATED.replace("{parents}", db.in_any("parent_event_id")).replace(
        "{kinds}", db.in_any("rel_type")
    )
    found = db.rows(sql, (db.any_of(parent_ids), db.any_of(rel_types), MOST_CHILDREN))
    return [Child(*row) for row in found]


_LATEST_IN_THREADS = """
SELECT parent_event_id, event_nid FROM (
    SELECT r.parent_event_id, r.event_nid, ROW_NUMBER() OVER (
        PARTITION BY r.parent_event_id ORDER BY r.event_nid DESC
    ) AS age
    FROM event_relation r WHERE {parents} AND r.rel_type = 'm.thread' AND NOT ({ignored})
) newest WHERE age <= %s
"""


def latest_in_threads(root_ids: Iterable[str], ignored: Iterable[int], each: int) -> list[tuple[str, int]]:
    """(root's event ID, event nid) of the newest events of each thread, without those of ignored users."""
    sql = _LATEST_IN_THREADS.replace("{parents}", db.in_any("r.parent_event_id")).replace(
        "{ignored}", db.in_any("r.sender_nid")
    )
    return [(found[0], found[1]) for found in db.rows(sql, (db.any_of(root_ids), db.any_of(ignored), each))]


def count_in_threads(root_ids: Iterable[str], senders: Iterable[int]) -> dict[str, int]:
    """How many events of each thread the senders have sent."""
    sql = (
        "SELECT parent_event_id, COUNT(*) FROM event_relation"
        f" WHERE {db.in_any('parent_event_id')} AND rel_type = 'm.thread' AND {db.in_any('sender_nid')}"
        " GROUP BY parent_event_id"
    )
    return dict(db.rows(sql, (db.any_of(root_ids), db.any_of(senders))))


def participated_in(user_nid: int, root_nids: Iterable[int]) -> set[int]:
    """Those of the threads that a user has sent an event into."""
    sql = f"SELECT root_nid FROM thread_participant WHERE user_nid = %s AND {db.in_any('root_nid')}"
    return {found[0] for found in db.rows(sql, (user_nid, db.any_of(root_nids)))}


class Gathered(NamedTuple):
    """A thread as its events make it, in a room's history too: its newest one, and how many there are."""

    root_event_id: str
    latest_nid: int
    latest_position: int | None
    total: int


_THREADS = """
SELECT parent_event_id, nid, position, total FROM (
    SELECT r.parent_event_id, e.nid, e.position, COUNT(*) OVER (PARTITION BY r.parent_event_id) AS total,
        ROW_NUMBER() OVER (PARTITION BY r.parent_event_id ORDER BY e.depth DESC, e.nid DESC) AS age
    FROM event_relation r JOIN event e ON e.nid = r.event_nid
    WHERE {roots} AND r.rel_type = 'm.thread' AND r.room_nid = %s
        AND e.status = 0 AND NOT e.is_outlier AND e.redacted_by_nid IS NULL
) ranked WHERE age = 1
"""


def gather_threads(room_nid: int, root_ids: Iterable[str]) -> list[Gathered]:
    """Those of some events of a room that are roots of threads, with these, read from single events."""
    sql = _THREADS.replace("{roots}", db.in_any("r.parent_event_id"))
    return [Gathered(*found) for found in db.rows(sql, (db.any_of(root_ids), room_nid))]


def parents_among(
    event_ids: Iterable[str], rel_types: Iterable[str] | None, senders: Iterable[int] | None
) -> set[str]:
    """Those of the events that something relates to, in one of the ways, sent by one of the users."""
    sql = f"SELECT DISTINCT parent_event_id FROM event_relation WHERE {db.in_any('parent_event_id')}"
    parameters = [db.any_of(event_ids)]
    for column, values in (("rel_type", rel_types), ("sender_nid", senders)):
        if values is not None:
            sql += f" AND {db.in_any(column)}"
            parameters.append(db.any_of(values))
    return {found[0] for found in db.rows(sql, parameters)}
