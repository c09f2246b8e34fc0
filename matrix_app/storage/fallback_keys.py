"""Fallback keys: given out, as often as asked for, when a device has no one-time key left."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db


class FallbackKey(NamedTuple):
    """The fallback key of a device for an algorithm; `key` is JSON."""

    device_nid: int
    algorithm: str
    key_id: str
    key: bytes
    used: bool


_SELECT = f"SELECT {', '.join(FallbackKey._fields)} FROM fallback_key"


def of_devices(device_nids: Iterable[int]) -> list[FallbackKey]:
    """The fallback keys of some devices."""
    sql = f"{_SELECT} WHERE {db.in_any('device_nid')}"
    return [FallbackKey._make(found) for found in db.rows(sql, (db.any_of(device_nids),))]


def put(device_nid: int, algorithm: str, key_id: str, key: bytes) -> bool:
    """Store the unused fallback key for an algorithm; False, and nothing else, when it is there already.

    To be called by one at a time for a user.
    """
    same = "SELECT 1 FROM fallback_key WHERE device_nid = %s AND algorithm = %s AND key_id = %s AND key = %s"
    # Asked first: the statement below holds the key in any case, and who gives it out could not note that.
    if db.value(same, (device_nid, algorithm, key_id, key)) is not None:
        return False
    sql = (
        "INSERT INTO fallback_key (device_nid, algorithm, key_id, key, used) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (device_nid, algorithm) DO UPDATE"
        " SET key_id = excluded.key_id, key = excluded.key, used = excluded.used"
    )
    db.execute(sql, (device_nid, algorithm, key_id, key, False))
    return True


def mark_used(algorithm: str, device_nids: Iterable[int]) -> None:
    """Note that fallback keys for an algorithm have been given out.

    Keys that somebody else is marking or replacing just now are passed over, so that nobody waits.
    """
    chosen = (
        f"SELECT device_nid FROM fallback_key WHERE algorithm = %s AND {db.in_any('device_nid')} AND NOT used"
        + ("" if db.is_sqlite() else " FOR UPDATE SKIP LOCKED")
    )
    sql = f"UPDATE fallback_key SET used = %s WHERE algorithm = %s AND device_nid IN ({chosen})"
    db.execute(sql, (True, algorithm, algorithm, db.any_of(device_nids)))


def delete_all(device_nid: int) -> int:
    """Remove a device's keys; how many."""
    return db.changed("DELETE FROM fallback_key WHERE device_nid = %s", (device_nid,))
