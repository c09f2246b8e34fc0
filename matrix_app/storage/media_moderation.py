"""Quarantine of media, and what protects from it."""

from __future__ import annotations

from collections.abc import Sequence

from matrix_app.storage import db

_QUARANTINE = (
    "UPDATE media SET quarantined_ts = %s, quarantined_by_nid = %s"
    " WHERE quarantined_ts IS NULL AND protected_ts IS NULL"
)


def quarantine(server_nid: int, media_ids: Sequence[str], by_nid: int | None, now: int) -> int:
    """Quarantine media of a server, but for those that are protected; how many are so now and were not."""
    sql = f"{_QUARANTINE} AND server_nid = %s AND {db.in_any('media_id')}"
    return db.changed(sql, (now, by_nid, server_nid, db.any_of(media_ids)))


def quarantine_of_user(user_nid: int, by_nid: int | None, now: int) -> int:
    """Quarantine all that a user has uploaded, but for what is protected; how many."""
    sql = f"{_QUARANTINE} AND user_nid = %s AND sha256 IS NOT NULL"
    return db.changed(sql, (now, by_nid, user_nid))


def hold_place(server_nid: int, media_id: str, by_nid: int | None, now: int) -> bool:
    """Quarantine media of another server that is not here, so that it never comes; False when it is here."""
    sql = (
        "INSERT INTO media (server_nid, media_id, created_ts, last_used_ts, content_type, authenticated,"
        " quarantined_ts, quarantined_by_nid) VALUES (%s, %s, %s, %s, '', %s, %s, %s) ON CONFLICT DO NOTHING"
    )
    return db.changed(sql, (server_nid, media_id, now, now, True, now, by_nid)) == 1


def quarantine_file(sha256: bytes, by_nid: int | None, now: int) -> int:
    """Quarantine all media that are a file; how many are so now and were not."""
    return db.changed(f"{_QUARANTINE} AND sha256 = %s", (now, by_nid, sha256))


def is_protected(sha256: bytes) -> bool:
    """Whether protected media are the file."""
    sql = "SELECT 1 FROM media WHERE sha256 = %s AND protected_ts IS NOT NULL LIMIT 1"
    return db.value(sql, (sha256,)) is not None


def end_quarantine(sha256: bytes) -> int:
    """Let all media that are a file be served again; how many."""
    sql = "UPDATE media SET quarantined_ts = NULL, quarantined_by_nid = NULL WHERE sha256 = %s"
    return db.changed(sql, (sha256,))


def set_protected(server_nid: int, media_id: str, ts: int | None) -> bool:
    """Protect media from quarantine, or not any more; False when there are none."""
    sql = "UPDATE media SET protected_ts = %s WHERE server_nid = %s AND media_id = %s"
    return db.changed(sql, (ts, server_nid, media_id)) == 1
