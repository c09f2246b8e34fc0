"""Devices that wait to be allowed to sign in (RFC 8628)."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db


class DeviceGrantRow(NamedTuple):
    """A device that waits; `allowed` is None until `user_nid` has decided."""

    device_code_hash: bytes
    user_code_hash: bytes
    client_nid: int
    scope: str
    user_nid: int | None
    allowed: bool | None
    wait_seconds: int
    asked_ts: int
    expires_ts: int


_COLUMNS = ", ".join(DeviceGrantRow._fields)


def _grant(found: db.Row | None) -> DeviceGrantRow | None:
    if found is None:
        return None
    row = DeviceGrantRow(*found)
    return row._replace(
        device_code_hash=bytes(row.device_code_hash),
        user_code_hash=bytes(row.user_code_hash),
        allowed=None if row.allowed is None else bool(row.allowed),
    )


def put(grant: DeviceGrantRow) -> None:
    """Store a device that waits."""
    sql = f"INSERT INTO oauth_device_grant ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"
    db.execute(sql, grant)


def by_device_code(code_hash: bytes) -> DeviceGrantRow | None:
    """The grant of a device code, or None; inside a write transaction no other has it meanwhile."""
    lock = "" if db.is_sqlite() else " FOR UPDATE"
    sql = f"SELECT {_COLUMNS} FROM oauth_device_grant WHERE device_code_hash = %s{lock}"
    return _grant(db.row(sql, (code_hash,)))


def by_user_code(code_hash: bytes, now: int) -> DeviceGrantRow | None:
    """The grant of a user code about which nobody has decided, and which has not expired; or None."""
    sql = (
        f"SELECT {_COLUMNS} FROM oauth_device_grant"
        " WHERE user_code_hash = %s AND user_nid IS NULL AND expires_ts > %s"
    )
    return _grant(db.row(sql, (code_hash, now)))


def decide(user_code_hash: bytes, user_nid: int, allowed: bool, now: int) -> bool:
    """Note what somebody has decided; False where it is too late."""
    sql = (
        "UPDATE oauth_device_grant SET user_nid = %s, allowed = %s"
        " WHERE user_code_hash = %s AND user_nid IS NULL AND expires_ts > %s"
    )
    return db.changed(sql, (user_nid, allowed, user_code_hash, now)) == 1


def asked(device_code_hash: bytes, wait_seconds: int, now: int) -> None:
    """Note when the client has asked, and how long it has to wait."""
    sql = "UPDATE oauth_device_grant SET wait_seconds = %s, asked_ts = %s WHERE device_code_hash = %s"
    db.execute(sql, (wait_seconds, now, device_code_hash))


def delete(device_code_hash: bytes) -> None:
    """Remove a grant that has been answered."""
    db.execute("DELETE FROM oauth_device_grant WHERE device_code_hash = %s", (device_code_hash,))


def count_waiting(now: int) -> int:
    """How many devices wait."""
    return int(db.value("SELECT count(*) FROM oauth_device_grant WHERE expires_ts > %s", (now,)))
