"""Entries of media that may be removed, found a bounded number at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from matrix_app.storage import db


class Removable(NamedTuple):
    """An entry that may be removed; without `sha256`, it has no file. `size` is in bytes."""

    nid: int
    media_id: str
    user_nid: int | None
    sha256: bytes | None
    size: int


def _removable(where: str, params: Sequence[Any], limit: int) -> list[Removable]:
    sql = (
        "SELECT m.nid, m.media_id, m.user_nid, m.sha256, coalesce(f.size, 0) FROM media m"
        f" LEFT JOIN media_file f ON f.sha256 = m.sha256 WHERE {where} LIMIT %s"
    )
    return [Removable(*found) for found in db.rows(sql, (*params, limit))]


def one(server_nid: int, media_id: str) -> list[Removable]:
    """The entry of an `mxc://` URI, if it is there."""
    return _removable("m.server_nid = %s AND m.media_id = %s", (server_nid, media_id), 1)


def one_unprotected(server_nid: int, media_id: str) -> list[Removable]:
    """The same, unless it is protected or in quarantine."""
    where = "m.server_nid = %s AND m.media_id = %s AND m.protected_ts IS NULL AND m.quarantined_ts IS NULL"
    return _removable(where, (server_nid, media_id), 1)


def expired(now: int, limit: int) -> list[Removable]:
    """Reserved IDs that nobody uploaded to in time."""
    return _removable("m.expires_ts IS NOT NULL AND m.expires_ts < %s", (now,), limit)


_OF_NOBODY = "m.user_nid IS NULL AND m.server_nid {} %s AND m.last_used_ts < %s AND m.quarantined_ts IS NULL"


def of_others(local_server_nid: int, unused_since: int, limit: int) -> list[Removable]:
    """Media of other servers that were last asked for before a time, those unused for longest first.

    What is quarantined stays, so that it is not fetched again.
    """
    where = f"{_OF_NOBODY.format('<>')} ORDER BY m.last_used_ts"
    return _removable(where, (local_server_nid, unused_since), limit)


def of_previews(local_server_nid: int, unused_since: int, limit: int) -> list[Removable]:
    """Pictures of previews that were last asked for before a time."""
    where = f"{_OF_NOBODY.format('=')} ORDER BY m.last_used_ts"
    return _removable(where, (local_server_nid, unused_since), limit)


def of_user(user_nid: int, limit: int) -> list[Removable]:
    """What a user has uploaded."""
    return _removable("m.user_nid = %s", (user_nid,), limit)


class Old(NamedTuple):
    """Which media of users here are old: all of it holds for each of them."""

    unused_since: int
    larger_than: int = -1


def of_users(old: Old, after_nid: int, limit: int) -> list[Removable]:
    """Media of users here that are `old`, in the order of their nids; the protected and quarantined stay."""
    where = (
        "m.nid > %s AND m.user_nid IS NOT NULL AND m.sha256 IS NOT NULL AND m.last_used_ts < %s"
        " AND coalesce(f.size, 0) > %s AND m.protected_ts IS NULL AND m.quarantined_ts IS NULL ORDER BY m.nid"
    )
    return _removable(where, (after_nid, old.unused_since, old.larger_than), limit)


def fill_sizes(limit: int) -> int:
    """Note the sizes of media that a version stored which noted none, at most `limit`; how many."""
    sql = (
        "UPDATE media SET size = coalesce((SELECT f.size FROM media_file f WHERE f.sha256 = media.sha256), 0)"
        " WHERE nid IN (SELECT nid FROM media WHERE sha256 IS NOT NULL AND size IS NULL LIMIT %s)"
    )
    return db.changed(sql, (limit,))


def remote_bytes(local_server_nid: int) -> int:
    """The space that media of other servers take."""
    sql = (
        "SELECT coalesce(sum(size), 0) FROM media_file f WHERE EXISTS"
        " (SELECT 1 FROM media m WHERE m.sha256 = f.sha256 AND m.user_nid IS NULL AND m.server_nid <> %s)"
    )
    return int(db.value(sql, (local_server_nid,)))
