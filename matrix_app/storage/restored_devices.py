"""What devices that were there when the server was restored have still to make up for."""

from __future__ import annotations

from matrix_app.storage import db


def put_all() -> list[int]:
    """Every device has to upload one-time keys; their nids. Inside a write transaction."""
    sql = (
        "INSERT INTO restored_device (device_nid, needs_one_time_keys, needs_key_backup)"
        " SELECT nid, %s, %s FROM device WHERE true"
        " ON CONFLICT (device_nid) DO UPDATE SET needs_one_time_keys = excluded.needs_one_time_keys"
        " RETURNING device_nid"
    )
    return sorted(nid for (nid,) in db.rows(sql, (True, False)))


def needs_one_time_keys(device_nid: int) -> bool:
    """Whether the device has uploaded none since."""
    sql = "SELECT 1 FROM restored_device WHERE device_nid = %s AND needs_one_time_keys"
    return db.value(sql, (device_nid,)) is not None


def has_one_time_keys(device_nid: int) -> None:
    """The device has uploaded some; inside a write transaction."""
    sql = "UPDATE restored_device SET needs_one_time_keys = %s WHERE device_nid = %s"
    db.execute(sql, (False, device_nid))


def needs_key_backup(device_nid: int) -> None:
    """The device has to go through its keys and back them up again; inside a write transaction."""
    sql = (
        "INSERT INTO restored_device (device_nid, needs_one_time_keys, needs_key_backup) VALUES (%s, %s, %s)"
        " ON CONFLICT (device_nid) DO UPDATE SET needs_key_backup = excluded.needs_key_backup"
    )
    db.execute(sql, (device_nid, False, True))


def take_key_backup(device_nid: int) -> bool:
    """Whether the device has to back its keys up again: True once. Inside a write transaction."""
    sql = "UPDATE restored_device SET needs_key_backup = %s WHERE device_nid = %s AND needs_key_backup"
    return db.changed(sql, (False, device_nid)) == 1
