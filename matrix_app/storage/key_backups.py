"""Versions of key backups. A deleted one leaves its number, which is not used again."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db, lost_time


class BackupVersion(NamedTuple):
    """A version of a user's key backup; `auth_data` is JSON."""

    nid: int
    version: int
    algorithm: str
    auth_data: bytes
    etag: int
    session_count: int
    deleted: bool


_SELECT = f"SELECT {', '.join(BackupVersion._fields)} FROM key_backup_version"


def get(user_nid: int, version: int) -> BackupVersion | None:
    """A version, a deleted one too."""
    found = db.row(f"{_SELECT} WHERE user_nid = %s AND version = %s", (user_nid, version))
    return BackupVersion._make(found) if found else None


def newest(user_nid: int) -> BackupVersion | None:
    """The newest version that is not deleted."""
    sql = f"{_SELECT} WHERE user_nid = %s AND NOT deleted ORDER BY version DESC LIMIT 1"
    found = db.row(sql, (user_nid,))
    return BackupVersion._make(found) if found else None


def create(user_nid: int, algorithm: str, auth_data: bytes) -> int:
    """Begin a version, while the user is locked; its number, also after a restore one that never was."""
    sql = (
        "INSERT INTO key_backup_version"
        " (user_nid, version, algorithm, auth_data, etag, session_count, deleted)"
        " SELECT %s, coalesce(max(CASE WHEN version > %s THEN version END), %s) + 1, %s, %s, 0, 0, %s"
        " FROM key_backup_version WHERE user_nid = %s RETURNING version"
    )
    floor = lost_time.first_number()
    return int(db.value(sql, (user_nid, floor, floor, algorithm, auth_data, False, user_nid)))


def set_auth_data(nid: int, auth_data: bytes) -> None:
    """Replace what describes the key of a version."""
    db.execute("UPDATE key_backup_version SET auth_data = %s WHERE nid = %s", (auth_data, nid))


def count_changes(nid: int, difference: int) -> BackupVersion:
    """Note that keys of a version changed, and how many there are more; the version as it is then."""
    sql = (
        "UPDATE key_backup_version SET etag = etag + 1, session_count = session_count + %s WHERE nid = %s"
        f" RETURNING {', '.join(BackupVersion._fields)}"
    )
    return BackupVersion._make(db.rows(sql, (difference, nid))[0])


def mark_deleted(nid: int) -> None:
    """Delete a version; its keys are removed by `key_backup_sessions.delete_some`."""
    sql = "UPDATE key_backup_version SET deleted = %s, auth_data = %s, session_count = 0 WHERE nid = %s"
    db.execute(sql, (True, b"{}", nid))
