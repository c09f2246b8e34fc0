"""Versions of server-side key backups ("Server-side key backups")."""

from __future__ import annotations

from typing import Any, Final

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.errors import InvalidParam, NotFound, TooLarge
from matrix_app.protocol.opaque_text import parse_opaque_text
from matrix_app.services.background import run_later
from matrix_app.storage import db, key_backup_sessions, key_backups
from matrix_app.storage.key_backups import BackupVersion
from matrix_app.storage.user_lock import lock_user

LARGEST_AUTH_DATA: Final = 65_536
REMOVED_AT_ONCE: Final = 2000
_MOST_DIGITS: Final = 18


def create_version(user_nid: int, algorithm: str, auth_data: Any) -> str:
    """Begin a new version, which keys go to from now on; its name."""
    algorithm = parse_opaque_text(algorithm, "backup algorithm")
    encoded = _encode(auth_data)
    with db.write():
        lock_user(user_nid)
        return str(key_backups.create(user_nid, algorithm, encoded))


def newest_version(user_nid: int) -> BackupVersion:
    """The version that keys go to; raises `NotFound`."""
    found = key_backups.newest(user_nid)
    if found is None:
        raise NotFound("No current backup version")
    return found


def find_version(user_nid: int, version: str) -> BackupVersion:
    """A version by its name; raises `NotFound`, for a deleted one too."""
    found = _known(user_nid, version)
    if found.deleted:
        raise NotFound("Unknown backup version")
    return found


def update_version(
    user_nid: int, version: str, algorithm: str, auth_data: Any, version_again: str | None
) -> None:
    """Replace the `auth_data` of a version; raises `InvalidParam` where anything else differs."""
    found = find_version(user_nid, version)
    if version_again is not None and version_again != version:
        raise InvalidParam("The version in the body is another than that of the path")
    if algorithm != found.algorithm:
        raise InvalidParam("Algorithm does not match")
    encoded = _encode(auth_data)
    with db.write():
        key_backups.set_auth_data(found.nid, encoded)


def delete_version(user_nid: int, version: str) -> None:
    """Delete a version with its keys; one that was deleted before stays so. Raises `NotFound`."""
    with db.write():
        lock_user(user_nid)
        found = _known(user_nid, version)
        if found.deleted:
            return
        key_backups.mark_deleted(found.nid)
        if key_backup_sessions.delete_some(found.nid, REMOVED_AT_ONCE) == REMOVED_AT_ONCE:
            run_later("remove_backup_keys", found.nid)


def remove_keys(version_nid: int) -> None:
    """Remove what is left of the keys of a deleted version, some at a time: called by the worker."""
    while True:
        with db.write():
            if key_backup_sessions.delete_some(version_nid, REMOVED_AT_ONCE) < REMOVED_AT_ONCE:
                return


def _known(user_nid: int, version: str) -> BackupVersion:
    if not (version.isascii() and version.isdigit() and len(version) <= _MOST_DIGITS):
        raise NotFound("Unknown backup version")
    found = key_backups.get(user_nid, int(version))
    if found is None:
        raise NotFound("Unknown backup version")
    return found


def _encode(auth_data: Any) -> bytes:
    encoded = encode_canonical(auth_data, lenient=True)
    if len(encoded) > LARGEST_AUTH_DATA:
        raise TooLarge(f"auth_data has at most {LARGEST_AUTH_DATA} bytes")
    return encoded
