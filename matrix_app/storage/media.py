"""Media by their `mxc://` URIs, and the files that they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.protocol.ids import Mxc
from matrix_app.storage import db


class MediaRow(NamedTuple):
    """One entry; without `sha256` and `size` it has not been uploaded."""

    nid: int
    media_id: str
    user_nid: int | None
    created_ts: int
    expires_ts: int | None
    last_used_ts: int
    sha256: bytes | None
    content_type: str
    file_name: str | None
    authenticated: bool
    quarantined_ts: int | None
    size: int | None
    location: str | None
    blocked_ts: int | None


class FileFacts(NamedTuple):
    """What is known of a file that was uploaded or fetched."""

    sha256: bytes
    size: int
    content_type: str
    file_name: str | None


_SELECT = (
    "SELECT m.nid, m.media_id, m.user_nid, m.created_ts, m.expires_ts, m.last_used_ts, m.sha256,"
    " m.content_type, m.file_name, m.authenticated, m.quarantined_ts, f.size, f.location, b.blocked_ts"
    " FROM media m"
    " JOIN server s ON s.nid = m.server_nid"
    " LEFT JOIN media_file f ON f.sha256 = m.sha256 LEFT JOIN blocked_media b ON b.sha256 = m.sha256"
)


def find(server_name: str, media_id: str) -> MediaRow | None:
    """The entry of an `mxc://` URI, or None."""
    found = db.row(f"{_SELECT} WHERE s.name = %s AND m.media_id = %s", (server_name, media_id))
    return MediaRow(*found) if found else None


def here(media_ids: Iterable[str]) -> set[Mxc]:
    """Those with some IDs, of any server, that are here and may be shown."""
    sql = (
        "SELECT s.name, m.media_id FROM media m JOIN server s ON s.nid = m.server_nid"
        " JOIN media_file f ON f.sha256 = m.sha256 LEFT JOIN blocked_media b ON b.sha256 = m.sha256"
        f" WHERE {db.in_any('m.media_id')} AND m.quarantined_ts IS NULL AND b.blocked_ts IS NULL"
    )
    return {Mxc(*found) for found in db.rows(sql, (db.any_of(media_ids),))}


def uploaded_by(user_nid: int, after_nid: int, limit: int) -> list[MediaRow]:
    """What a user has uploaded, in the order of the nids, behind one."""
    sql = f"{_SELECT} WHERE m.user_nid = %s AND m.nid > %s AND m.sha256 IS NOT NULL ORDER BY m.nid LIMIT %s"
    return [MediaRow(*found) for found in db.rows(sql, (user_nid, after_nid, limit))]


def reserve(server_nid: int, media_id: str, user_nid: int, now: int, expires_ts: int) -> None:
    """Store an ID that is to be uploaded to."""
    db.execute(
        "INSERT INTO media (server_nid, media_id, user_nid, created_ts, expires_ts, last_used_ts,"
        " content_type, authenticated) VALUES (%s, %s, %s, %s, %s, %s, '', %s)",
        (server_nid, media_id, user_nid, now, expires_ts, now, True),
    )


def insert(
    server_nid: int, media_id: str, user_nid: int | None, facts: FileFacts, now: int, *, authenticated: bool
) -> None:
    """Store what was uploaded or fetched, or fetched again."""
    sha256, size, content_type, file_name = facts
    db.execute(
        "INSERT INTO media (server_nid, media_id, user_nid, created_ts, last_used_ts, sha256, size,"
        " content_type, file_name, authenticated) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (server_nid, media_id) DO UPDATE SET sha256 = excluded.sha256, size = excluded.size,"
        " content_type = excluded.content_type, file_name = excluded.file_name,"
        " authenticated = excluded.authenticated, last_used_ts = excluded.last_used_ts",
        (server_nid, media_id, user_nid, now, now, sha256, size, content_type, file_name, authenticated),
    )


def fill(nid: int, facts: FileFacts, *, authenticated: bool) -> bool:
    """Store what was uploaded to a reserved ID; False when it has been uploaded to already."""
    sql = (
        "UPDATE media SET sha256 = %s, size = %s, content_type = %s, file_name = %s, expires_ts = NULL,"
        " authenticated = %s WHERE nid = %s AND sha256 IS NULL"
    )
    return db.changed(sql, (*facts, authenticated, nid)) == 1


def pending(user_nid: int, now: int) -> int:
    """How many IDs a user has reserved and may still upload to."""
    sql = "SELECT count(*) FROM media WHERE user_nid = %s AND sha256 IS NULL AND expires_ts > %s"
    return int(db.value(sql, (user_nid, now)))


def used_bytes(user_nid: int) -> int:
    """The size of all that a user has uploaded."""
    sql = "SELECT coalesce(sum(size), 0) FROM media WHERE user_nid = %s AND size IS NOT NULL"
    return int(db.value(sql, (user_nid,)))


def mark_used(nid: int, now: int) -> None:
    """Note that an entry was asked for."""
    db.execute("UPDATE media SET last_used_ts = %s WHERE nid = %s", (now, nid))


def remove(nid: int) -> None:
    """Remove an entry; the file is `media_files`' business."""
    db.execute("DELETE FROM media WHERE nid = %s", (nid,))
