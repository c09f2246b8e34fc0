"""The identity keys of devices, local and remote, as signed JSON without `unsigned`.

Those of remote users come and go with their device lists (`remote_devices`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db


class DeviceKeysRow(NamedTuple):
    """The keys of a device, and its name."""

    user_nid: int
    device_id: str
    keys: bytes
    display_name: str | None


_SELECT = (
    "SELECT k.user_nid, k.device_id, k.keys, COALESCE(d.display_name, k.display_name) FROM device_keys k"
    " LEFT JOIN device d ON d.user_nid = k.user_nid AND d.device_id = k.device_id"
)


def of_users(user_nids: Iterable[int]) -> list[DeviceKeysRow]:
    """The keys of every device of some users."""
    sql = f"{_SELECT} WHERE {db.in_any('k.user_nid')}"
    return [DeviceKeysRow._make(found) for found in db.rows(sql, (db.any_of(user_nids),))]


def get(user_nid: int, device_id: str) -> bytes | None:
    """The keys of one device."""
    sql = "SELECT keys FROM device_keys WHERE user_nid = %s AND device_id = %s"
    found = db.value(sql, (user_nid, device_id))
    return None if found is None else bytes(found)


def put(user_nid: int, device_id: str, keys: bytes) -> None:
    """Store the keys of a local device."""
    sql = (
        "INSERT INTO device_keys (user_nid, device_id, keys, stream_id) VALUES (%s, %s, %s, 0)"
        " ON CONFLICT (user_nid, device_id) DO UPDATE SET keys = excluded.keys"
    )
    db.execute(sql, (user_nid, device_id, keys))
