"""Pushers: where users' notifications are pushed, and up to where that has happened."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db


class PusherRow(NamedTuple):
    """A pusher. `data` is the JSON of what else the client said: names, language, `data`.

    `position` is that of the last event which was pushed, or needed no push.
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
    failing_since_ts: int | None


_COLUMNS = ", ".join(PusherRow._fields)
_KEPT = PusherRow._fields[1:]


def of_user(user_nid: int) -> list[PusherRow]:
    """A user's pushers, oldest first."""
    sql = f"SELECT {_COLUMNS} FROM pusher WHERE user_nid = %s ORDER BY nid"
    return [_row(found) for found in db.rows(sql, (user_nid,))]


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
        " device_nid = excluded.device_nid, data = excluded.data, failing_since_ts = NULL RETURNING nid"
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


def delete_everywhere(app_id: str, pushkey: str) -> int:
    """Delete every pusher with a push key that its gateway rejects; how many there were."""
    return db.changed("DELETE FROM pusher WHERE app_id = %s AND pushkey = %s", (app_id, pushkey))


def delete_of_address(user_nid: int, address: str) -> int:
    """Delete a user's mail pushers to an address; how many there were."""
    sql = "DELETE FROM pusher WHERE user_nid = %s AND kind = 'email' AND pushkey = %s"
    return db.changed(sql, (user_nid, address))


def set_progress(nid: int, position: int, failing_since_ts: int | None) -> None:
    """Note up to where a pusher has come, and since when it fails."""
    sql = "UPDATE pusher SET position = %s, failing_since_ts = %s WHERE nid = %s"
    db.execute(sql, (position, failing_since_ts, nid))


def _row(found: db.Row) -> PusherRow:
    row = PusherRow(*found)
    return row._replace(data=bytes(row.data))
