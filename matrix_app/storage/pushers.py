"""Pushers: where users' notifications are pushed, and up to where that has happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db


class PusherRow(NamedTuple):
    """A pusher. `data` is the JSON of what else the client said: names, language, `data`.

    `position` is that of the last event which was pushed, `told_ts` when that was, and `badge` the number
    of unread messages that was told. One that fails is left alone until `retry_ts`; `fault` says why.
    """

    nid: int
    user_nid: int
    app_id: str
    pushkey: str
    kind: str
    device_nid: int | None
    data: bytes
    created_ts: int
    position: int
    failing_since_ts: int | None = None
    failures: int = 0
    retry_ts: int | None = None
    told_ts: int | None = None
    badge: int = 0
    fault: str | None = None


_COLUMNS = ", ".join(PusherRow._fields)
_KEPT = PusherRow._fields[1:]


def of_user(user_nid: int) -> list[PusherRow]:
    """A user's pushers, oldest first."""
    sql = f"SELECT {_COLUMNS} FROM pusher WHERE user_nid = %s ORDER BY nid"
    return [_row(found) for found in db.rows(sql, (user_nid,))]


def page(user_nid: int, *, before: int | None, limit: int) -> list[PusherRow]:
    """A user's pushers, the newest first, before one by its nid."""
    sql = f"SELECT {_COLUMNS} FROM pusher WHERE user_nid = %s AND nid < %s ORDER BY nid DESC LIMIT %s"
    found = db.rows(sql, (user_nid, (1 << 62) if before is None else before, limit))
    return [_row(row) for row in found]


def of_users(user_nids: Iterable[int]) -> list[PusherRow]:
    """The pushers of some users."""
    sql = f"SELECT {_COLUMNS} FROM pusher WHERE {db.in_any('user_nid')} ORDER BY nid"
    return [_row(found) for found in db.rows(sql, (db.any_of(user_nids),))]


def get(nid: int) -> PusherRow | None:
    """A pusher, or None when it has been deleted."""
    found = db.row(f"SELECT {_COLUMNS} FROM pusher WHERE nid = %s", (nid,))
    return _row(found) if found else None


def put(row: PusherRow) -> int:
    """Store a pusher, in place of the user's own with the same app ID and push key; its nid.

    One that was there goes on where it was.
    """
    sql = (
        f"INSERT INTO pusher ({', '.join(_KEPT)}) VALUES ({', '.join(['%s'] * len(_KEPT))})"
        " ON CONFLICT (user_nid, app_id, pushkey) DO UPDATE SET kind = excluded.kind,"
        " device_nid = excluded.device_nid, data = excluded.data, created_ts = excluded.created_ts,"
        " failing_since_ts = NULL, failures = 0, retry_ts = NULL, fault = NULL RETURNING nid"
    )
    return int(db.value(sql, row[1:]))


def delete(user_nid: int, app_id: str, pushkey: str) -> int:
    """Delete a user's pusher; how many there were."""
    sql = "DELETE FROM pusher WHERE user_nid = %s AND app_id = %s AND pushkey = %s"
    return db.changed(sql, (user_nid, app_id, pushkey))


def delete_of_others(user_nid: int, app_id: str, pushkey: str) -> int:
    """Delete the pushers of other users with the same app ID and push key; how many there were."""
    sql = "DELETE FROM pusher WHERE app_id = %s AND pushkey = %s AND user_nid <> %s"
    return db.changed(sql, (app_id, pushkey, user_nid))


def delete_one(nid: int) -> int:
    """Delete a pusher; how many there were."""
    return db.changed("DELETE FROM pusher WHERE nid = %s", (nid,))


def set_told(nid: int, position: int, badge: int, told_ts: int) -> None:
    """A pusher has worked: it has told of all up to `position`, and how many messages are unread."""
    sql = (
        "UPDATE pusher SET position = CASE WHEN position < %s THEN %s ELSE position END, badge = %s,"
        " told_ts = %s, failing_since_ts = NULL, failures = 0, retry_ts = NULL, fault = NULL WHERE nid = %s"
    )
    db.execute(sql, (position, position, badge, told_ts, nid))


def set_failed(nid: int, fault: str, now: int, retry_ts: int) -> None:
    """A pusher has failed, and is left alone until `retry_ts`."""
    sql = (
        "UPDATE pusher SET failing_since_ts = coalesce(failing_since_ts, %s), failures = failures + 1,"
        " retry_ts = %s, fault = %s WHERE nid = %s"
    )
    db.execute(sql, (now, retry_ts, fault, nid))


class Failing(NamedTuple):
    """How many pushers fail, and why the newest of them does."""

    pushers: int
    fault: str


def failing_since(before: int) -> Failing | None:
    """The pushers that have failed since `before` or longer; None when there are none."""
    sql = (
        "SELECT count(*), max(nid) FROM pusher WHERE failing_since_ts IS NOT NULL AND failing_since_ts <= %s"
    )
    found = db.row(sql, (before,))
    if found is None or not found[0]:
        return None
    pusher = get(found[1])
    return Failing(int(found[0]), (pusher.fault if pusher is not None else None) or "")


def _row(found: db.Row) -> PusherRow:
    row = PusherRow(*found)
    return row._replace(data=bytes(row.data))
