"""Changes of which it could not be found for whom they are, until that is found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db
from matrix_app.storage.stream import LogEntry

MOST_CHARACTERS = 200


class UnroutedChange(NamedTuple):
    """A change, and how often it has been tried."""

    entry: LogEntry
    attempts: int


class Summary(NamedTuple):
    """How many changes wait, since when, and what is wrong with the one that waits longest."""

    waiting: int
    since_ts: int
    fault: str


def add(entry: LogEntry, fault: str, now: int, retry_ts: int) -> None:
    """Keep a change that could not be routed; one that is kept stays as it is."""
    sql = (
        "INSERT INTO unrouted_change"
        " (position, kind, room_nid, user_nid, failed_ts, attempts, retry_ts, fault)"
        " VALUES (%s, %s, %s, %s, %s, 1, %s, %s) ON CONFLICT (position) DO NOTHING"
    )
    place = (entry.position, int(entry.kind), entry.room_nid, entry.user_nid)
    db.execute(sql, (*place, now, retry_ts, _shortened(fault)))


def due(now: int, limit: int) -> list[UnroutedChange]:
    """Changes that are to be tried again, the oldest first."""
    sql = (
        "SELECT position, kind, room_nid, user_nid, attempts FROM unrouted_change"
        " WHERE retry_ts <= %s ORDER BY position LIMIT %s"
    )
    return [
        UnroutedChange(LogEntry(position, kind, room_nid, user_nid, None), attempts)
        for position, kind, room_nid, user_nid, attempts in db.rows(sql, (now, limit))
    ]


def postpone(position: int, attempts: int, retry_ts: int, fault: str) -> None:
    """A change has failed again."""
    sql = "UPDATE unrouted_change SET attempts = %s, retry_ts = %s, fault = %s WHERE position = %s"
    db.execute(sql, (attempts, retry_ts, _shortened(fault), position))


def remove(positions: Iterable[int]) -> None:
    """Changes have been routed."""
    db.execute(f"DELETE FROM unrouted_change WHERE {db.in_any('position')}", (db.any_of(positions),))


def count() -> int:
    """How many changes wait."""
    return int(db.value("SELECT count(*) FROM unrouted_change", ()) or 0)


def summary() -> Summary | None:
    """What is to be said of the changes that wait; None when none does."""
    found = db.row("SELECT failed_ts, fault FROM unrouted_change ORDER BY position LIMIT 1", ())
    return Summary(count(), int(found[0]), str(found[1])) if found else None


def _shortened(fault: str) -> str:
    return fault.replace("\0", "")[:MOST_CHARACTERS]
