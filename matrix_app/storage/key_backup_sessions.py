"""The keys of Megolm sessions in backups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from matrix_app.storage import db


class BackupSession(NamedTuple):
    """A key in a backup; `session_data` is JSON."""

    room_id: str
    session_id: str
    first_message_index: int
    forwarded_count: int
    is_verified: bool
    session_data: bytes


_COLUMNS = ", ".join(BackupSession._fields)

# Keep the key that is verified, then the one with the lower index, then the one forwarded less often.
_PUT_BETTER = f"""
INSERT INTO key_backup_session (version_nid, {_COLUMNS}) VALUES {{values}}
ON CONFLICT (version_nid, room_id, session_id) DO UPDATE SET
    first_message_index = excluded.first_message_index, forwarded_count = excluded.forwarded_count,
    is_verified = excluded.is_verified, session_data = excluded.session_data
WHERE (NOT excluded.is_verified, excluded.first_message_index, excluded.forwarded_count)
    < (NOT key_backup_session.is_verified, key_backup_session.first_message_index,
       key_backup_session.forwarded_count)
RETURNING 1
"""


def put_better(version_nid: int, sessions: Sequence[BackupSession]) -> int:
    """Store those keys that are new, or better than the ones that are there; how many they are."""
    return len(db.insert_many(_PUT_BETTER, 7, [(version_nid, *session) for session in sessions]))


def count_known(version_nid: int, sessions: Sequence[BackupSession]) -> int:
    """How many of the sessions a version has a key for."""
    sql = (
        "SELECT room_id, session_id FROM key_backup_session"
        f" WHERE version_nid = %s AND {db.in_any('room_id')} AND {db.in_any('session_id')}"
    )
    wanted = {(session.room_id, session.session_id) for session in sessions}
    rooms, ids = {room for room, _ in wanted}, {session_id for _, session_id in wanted}
    return len(wanted.intersection(db.rows(sql, (version_nid, db.any_of(rooms), db.any_of(ids)))))


def find(version_nid: int, room_id: str | None, session_id: str | None) -> list[BackupSession]:
    """The keys of a version, of one room, or of one session of a room."""
    where, params = _where(version_nid, room_id, session_id)
    sql = f"SELECT {_COLUMNS} FROM key_backup_session WHERE {where}"
    return [BackupSession._make(found) for found in db.rows(sql, params)]


def after(version_nid: int, place: tuple[str, str], limit: int) -> list[BackupSession]:
    """The keys of a version behind a place (room ID, session ID), in that order."""
    sql = (
        f"SELECT {_COLUMNS} FROM key_backup_session WHERE version_nid = %s"
        " AND (room_id, session_id) > (%s, %s) ORDER BY room_id, session_id LIMIT %s"
    )
    return [BackupSession._make(found) for found in db.rows(sql, (version_nid, *place, limit))]


def delete(version_nid: int, room_id: str | None, session_id: str | None) -> int:
    """Remove the keys that `find` would find; how many there were."""
    where, params = _where(version_nid, room_id, session_id)
    return db.changed(f"DELETE FROM key_backup_session WHERE {where}", params)


def delete_some(version_nid: int, limit: int) -> int:
    """Remove at most `limit` keys of a version; how many there were."""
    sql = (
        "DELETE FROM key_backup_session WHERE version_nid = %s AND (room_id, session_id) IN"
        " (SELECT room_id, session_id FROM key_backup_session WHERE version_nid = %s LIMIT %s)"
    )
    return db.changed(sql, (version_nid, version_nid, limit))


def _where(version_nid: int, room_id: str | None, session_id: str | None) -> tuple[str, list[int | str]]:
    if room_id is None:
        return "version_nid = %s", [version_nid]
    if session_id is None:
        return "version_nid = %s AND room_id = %s", [version_nid, room_id]
    return "version_nid = %s AND room_id = %s AND session_id = %s", [version_nid, room_id, session_id]
