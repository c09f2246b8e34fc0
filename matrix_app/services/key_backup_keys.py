"""The keys in server-side key backups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import InvalidParam, NotFound, TooLarge, WrongRoomKeysVersion
from matrix_app.protocol.opaque_text import parse_opaque_text
from matrix_app.services.key_backup import find_version
from matrix_app.services.lost_time import must_back_up_again
from matrix_app.storage import db, key_backup_sessions, key_backups
from matrix_app.storage.key_backup_sessions import BackupSession
from matrix_app.storage.key_backups import BackupVersion
from matrix_app.storage.user_lock import lock_user

LARGEST_SESSION: Final = 65_536
_LARGEST_NUMBER: Final = 2**53 - 1


class KeyBackupData(msgspec.Struct):
    """A key as clients upload it."""

    first_message_index: int
    forwarded_count: int
    is_verified: bool
    session_data: dict[str, Any] | str


# Room ID to session ID to key.
Rooms = Mapping[str, Mapping[str, KeyBackupData]]


def store_keys(user_nid: int, device_nid: int | None, version: str, keys: Rooms) -> BackupVersion:
    """Store those keys that are new, or better than the stored ones; the version as it is then.

    Raises `WrongRoomKeysVersion` when the version is not the newest, and `NotFound` when there is none.
    So does the first upload after a restore of a device that believes keys to be here which were lost: it
    looks at the version again, and uploads all of its keys.
    """
    sessions = [
        _session(room_id, session_id, key)
        for room_id, in_room in keys.items()
        for session_id, key in in_room.items()
    ]
    with db.write():
        lock_user(user_nid)
        backup = _require_newest(user_nid, version)
        again = must_back_up_again(device_nid)
        if not again:
            return _put(backup, sessions)
    raise WrongRoomKeysVersion(str(backup.version))


def _put(backup: BackupVersion, sessions: list[BackupSession]) -> BackupVersion:
    known = key_backup_sessions.count_known(backup.nid, sessions)
    if not key_backup_sessions.put_better(backup.nid, sessions):
        return backup
    return key_backups.count_changes(backup.nid, len(sessions) - known)


def delete_keys(
    user_nid: int, version: str, room_id: str | None = None, session_id: str | None = None
) -> BackupVersion:
    """Remove the keys of a version, of one of its rooms, or of one session; the version as it is then."""
    _check_place(room_id, session_id)
    with db.write():
        lock_user(user_nid)
        backup = find_version(user_nid, version)
        gone = key_backup_sessions.delete(backup.nid, room_id, session_id)
        return key_backups.count_changes(backup.nid, -gone) if gone else backup


def find_keys(
    user_nid: int, version: str, room_id: str | None = None, session_id: str | None = None
) -> list[BackupSession]:
    """The keys of a version, of one of its rooms, or of one session; raises `NotFound` without a version."""
    _check_place(room_id, session_id)
    return key_backup_sessions.find(find_version(user_nid, version).nid, room_id, session_id)


def _require_newest(user_nid: int, version: str) -> BackupVersion:
    newest = key_backups.newest(user_nid)
    if newest is None:
        raise NotFound("No current backup version")
    if str(newest.version) != version:
        find_version(user_nid, version)
        raise WrongRoomKeysVersion(str(newest.version))
    return newest


def _session(room_id: str, session_id: str, key: KeyBackupData) -> BackupSession:
    _check_place(room_id, session_id)
    for number in (key.first_message_index, key.forwarded_count):
        if not 0 <= number <= _LARGEST_NUMBER:
            raise InvalidParam("first_message_index and forwarded_count are whole numbers from 0")
    data = encode_canonical(key.session_data, lenient=True)
    if len(data) > LARGEST_SESSION:
        raise TooLarge(f"session_data has at most {LARGEST_SESSION} bytes")
    return BackupSession(
        room_id, session_id, key.first_message_index, key.forwarded_count, key.is_verified, data
    )


def _check_place(room_id: str | None, session_id: str | None) -> None:
    if room_id is not None:
        parse_opaque_text(room_id, "room ID")
    if session_id is not None:
        parse_opaque_text(session_id, "session ID")
