"""The dehydrated devices of users, one each: a device like any other, with data to bring it back to life."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db


class DehydratedDevice(NamedTuple):
    """A dehydrated device; `device_data` is JSON."""

    device_nid: int
    device_id: str
    device_data: bytes


def of_user(user_nid: int) -> DehydratedDevice | None:
    """The dehydrated device of a user, or None."""
    sql = (
        "SELECT d.nid, d.device_id, x.device_data FROM dehydrated_device x"
        " JOIN device d ON d.nid = x.device_nid WHERE x.user_nid = %s"
    )
    found = db.row(sql, (user_nid,))
    return DehydratedDevice._make(found) if found else None


def put(user_nid: int, device_nid: int, device_data: bytes) -> None:
    """Make a device the dehydrated one of its user."""
    sql = (
        "INSERT INTO dehydrated_device (user_nid, device_nid, device_data) VALUES (%s, %s, %s)"
        " ON CONFLICT (user_nid) DO UPDATE"
        " SET device_nid = excluded.device_nid, device_data = excluded.device_data"
    )
    db.execute(sql, (user_nid, device_nid, device_data))
