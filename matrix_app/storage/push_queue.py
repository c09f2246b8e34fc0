"""Notifications on their way: those that pushers have still to deliver."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matrix_app.storage import db
from matrix_app.storage.events import COLUMNS, EventRow
from matrix_app.storage.members import Membership


class Due(NamedTuple):
    """A notification before it has its nid; `tweaks` is JSON."""

    pusher_nid: int
    event_nid: int
    room_nid: int
    thread_nid: int
    position: int
    tweaks: bytes
    created_ts: int


class QueuedDue(NamedTuple):
    """A stored notification."""

    nid: int
    due: Due


class Waiting(NamedTuple):
    """A pusher with notifications to deliver: since when the oldest waits, and how the pusher is."""

    pusher_nid: int
    kind: str
    oldest_ts: int
    retry_ts: int | None
    told_ts: int | None


_DUE = ", ".join(Due._fields)


def progress() -> int | None:
    """Up to which position events have become notifications; None before the first time."""
    found: int | None = db.value("SELECT position FROM push_progress WHERE nid = 1")
    return found


def put_progress(position: int) -> None:
    """Note up to which position events have become notifications."""
    sql = (
        "INSERT INTO push_progress (nid, position) VALUES (1, %s)"
        " ON CONFLICT (nid) DO UPDATE SET position = excluded.position"
    )
    db.execute(sql, (position,))


def put(many: Sequence[Due]) -> None:
    """Store notifications."""
    db.insert_many(f"INSERT INTO push_due ({_DUE}) VALUES {{values}}", len(Due._fields), many)


def of_pusher(pusher_nid: int, limit: int) -> list[QueuedDue]:
    """What has waited longest for a pusher."""
    sql = f"SELECT nid, {_DUE} FROM push_due WHERE pusher_nid = %s ORDER BY nid LIMIT %s"
    return [
        QueuedDue(nid, Due(*rest)._replace(tweaks=bytes(rest[5])))
        for nid, *rest in db.rows(sql, (pusher_nid, limit))
    ]


def waiting() -> list[Waiting]:
    """Every pusher that has something to deliver."""
    sql = (
        "SELECT p.nid, p.kind, min(d.created_ts), p.retry_ts, p.told_ts FROM push_due d"
        " JOIN pusher p ON p.nid = d.pusher_nid GROUP BY p.nid, p.kind, p.retry_ts, p.told_ts"
    )
    return [Waiting(*found) for found in db.rows(sql)]


def remove(nids: Iterable[int]) -> None:
    """Notifications have been delivered, or are not wanted any more."""
    db.execute(f"DELETE FROM push_due WHERE {db.in_any('nid')}", (db.any_of(nids),))


def remove_orphans() -> int:
    """Remove the notifications of pushers that have been deleted; how many."""
    return db.changed("DELETE FROM push_due WHERE pusher_nid NOT IN (SELECT nid FROM pusher)")


def keep_newest(pusher_nid: int, keep: int) -> int:
    """Remove all but the newest notifications for a pusher; how many."""
    sql = (
        "DELETE FROM push_due WHERE pusher_nid = %s AND nid <= (SELECT nid FROM push_due"
        " WHERE pusher_nid = %s ORDER BY nid DESC LIMIT 1 OFFSET %s)"
    )
    return db.changed(sql, (pusher_nid, pusher_nid, keep))


def any_pusher() -> bool:
    """Whether anybody has a pusher."""
    return db.value("SELECT 1 FROM pusher LIMIT 1") is not None


def watchers(room_nids: Iterable[int]) -> dict[int, dict[int, int]]:
    """By room: the members with a pusher, and the position at which they joined."""
    sql = (
        "SELECT m.room_nid, m.user_nid, m.changed_position FROM membership m"
        f" WHERE {db.in_any('m.room_nid')} AND m.membership = %s AND m.is_local = %s"
        " AND m.user_nid IN (SELECT user_nid FROM pusher)"
    )
    found: dict[int, dict[int, int]] = defaultdict(dict)
    parameters = (db.any_of(room_nids), int(Membership.JOIN), True)
    for room_nid, user_nid, since in db.rows(sql, parameters):
        found[room_nid][user_nid] = since
    return found


def events_between(room_nids: Iterable[int], after: int, upto: int) -> list[EventRow]:
    """The shown events of rooms with after < position <= upto, in order."""
    sql = (
        f"SELECT {COLUMNS} FROM event WHERE {db.in_any('room_nid')} AND position > %s AND position <= %s"
        " AND position IS NOT NULL AND status = 0 ORDER BY position"
    )
    return [EventRow(*found) for found in db.rows(sql, (db.any_of(room_nids), after, upto))]


def invites(user_nids: Iterable[int], after: int, upto: int) -> list[tuple[int, int, int, int]]:
    """(room, user, event, position) of invites of users with a pusher with after < position <= upto."""
    sql = (
        "SELECT m.room_nid, m.user_nid, m.event_nid, m.position FROM membership m"
        f" WHERE {db.in_any('m.user_nid')} AND m.membership = %s AND m.is_local"
        " AND m.position > %s AND m.position <= %s"
        " AND m.user_nid IN (SELECT user_nid FROM pusher)"
    )
    found = db.rows(sql, (db.any_of(user_nids), int(Membership.INVITE), after, upto))
    return [(room, user, event, position) for room, user, event, position in found]


def readers(room_nids: Iterable[int], after: int, upto: int) -> set[int]:
    """Users with an HTTP pusher whose public receipts in rooms moved with after < position <= upto."""
    sql = (
        f"SELECT DISTINCT r.user_nid FROM receipt r WHERE {db.in_any('r.room_nid')} AND r.position > %s"
        " AND r.position <= %s"
        " AND r.user_nid IN (SELECT user_nid FROM pusher WHERE kind = 'http')"
    )
    return {found[0] for found in db.rows(sql, (db.any_of(room_nids), after, upto))}


def badged() -> set[int]:
    """Users whose phones show that something is unread, as far as is known."""
    sql = "SELECT DISTINCT user_nid FROM pusher WHERE kind = 'http' AND badge > 0"
    return {found[0] for found in db.rows(sql)}


def size() -> int:
    """How many notifications wait."""
    return int(db.value("SELECT count(*) FROM push_due"))
