"""Connections of sliding sync, and the versions of what was sent to them."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db
from matrix_app.storage.clock import now_ms

# Versions that other answers to the same request made: one of them may be the one that arrived.
MOST_SIBLINGS = 4


class VersionRow(NamedTuple):
    """A stored version."""

    version: int
    base: int
    entries: bytes


def begin(device_nid: int, conn_id: str, version: int, most: int) -> int | None:
    """The nid of a new connection in place of one of the same name, inside a write transaction.

    `version` is the number of its first version, or 0. Of more than `most` connections of the device
    those which have been idle for longest are removed. None when another of the name begins at the same time.
    """
    known = db.rows(_OF_DEVICE, (device_nid,))
    _remove([nid for nid, name in known if name == conn_id])
    others = [nid for nid, name in known if name != conn_id]
    _remove(others[max(most - 1, 0) :])
    nid: int | None = db.value(_INSERT, (device_nid, conn_id, version, now_ms()))
    return nid


_OF_DEVICE = (
    "SELECT nid, conn_id FROM sliding_connection WHERE device_nid = %s ORDER BY used_ts DESC, nid DESC"
)
_INSERT = (
    "INSERT INTO sliding_connection (device_nid, conn_id, last_version, used_ts)"
    " VALUES (%s, %s, %s, %s) ON CONFLICT (device_nid, conn_id) DO NOTHING RETURNING nid"
)


def _remove(nids: list[int]) -> None:
    if nids:
        gone = db.any_of(nids)
        db.execute(f"DELETE FROM sliding_version WHERE {db.in_any('connection_nid')}", (gone,))
        db.execute(f"DELETE FROM sliding_connection WHERE {db.in_any('nid')}", (gone,))


def remove_of_devices(device_nids: list[int]) -> None:
    """Remove the connections of devices."""
    sql = f"SELECT nid FROM sliding_connection WHERE {db.in_any('device_nid')}"
    _remove([found[0] for found in db.rows(sql, (db.any_of(device_nids),))])


def remove_unused(before_ts: int, limit: int) -> int:
    """Remove connections that were last used before a time, at most `limit`; how many."""
    sql = "SELECT nid FROM sliding_connection WHERE used_ts < %s ORDER BY used_ts LIMIT %s"
    nids = [found[0] for found in db.rows(sql, (before_ts, limit))]
    _remove(nids)
    return len(nids)


def find(nid: int, device_nid: int, conn_id: str) -> int | None:
    """When a device's connection was last used; None when there is no such connection."""
    sql = "SELECT used_ts FROM sliding_connection WHERE nid = %s AND device_nid = %s AND conn_id = %s"
    used: int | None = db.value(sql, (nid, device_nid, conn_id))
    return used


def versions_upto(connection_nid: int, version: int) -> list[VersionRow]:
    """The stored versions of a connection up to one, newest first."""
    sql = (
        "SELECT version, base, entries FROM sliding_version"
        " WHERE connection_nid = %s AND version <= %s ORDER BY version DESC"
    )
    return [
        VersionRow(number, base, bytes(entries))
        for number, base, entries in db.rows(sql, (connection_nid, version))
    ]


def touch(nid: int) -> None:
    """Note that a connection is in use."""
    db.execute("UPDATE sliding_connection SET used_ts = %s WHERE nid = %s", (now_ms(), nid))


def next_version(nid: int) -> int | None:
    """The number of a connection's next version, inside a write transaction; None when it is gone.

    Whoever has asked is alone with the connection until the transaction ends.
    """
    sql = (
        "UPDATE sliding_connection SET last_version = last_version + 1, used_ts = %s"
        " WHERE nid = %s RETURNING last_version"
    )
    found: int | None = db.value(sql, (now_ms(), nid))
    return found


def put_version(nid: int, row: VersionRow) -> None:
    """Store a version."""
    db.execute(
        "INSERT INTO sliding_version (connection_nid, version, base, entries) VALUES (%s, %s, %s, %s)",
        (nid, *row),
    )


def forget_versions(nid: int, *, oldest_needed: int, made_from: int, newest: int) -> None:
    """Remove the versions of a connection that nobody can ask for any more.

    `newest` was made from what the client has, `made_from`, which needs the rows from `oldest_needed` on.
    """
    db.execute(
        "DELETE FROM sliding_version WHERE connection_nid = %s"
        " AND (version < %s OR (version > %s AND version < %s))",
        (nid, oldest_needed, made_from, newest - MOST_SIBLINGS),
    )
