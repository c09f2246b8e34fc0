"""The files in the store, their thumbnails, and which of them are blocked.

A file is added and removed while its row is locked, so that one which is being uploaded again is not removed
in the same moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from matrix_app.storage import db


class Outcome(IntEnum):
    """What came of making a thumbnail. The numbers are stored."""

    MADE = 1
    ORIGINAL = 2  # the file is small enough to be served itself
    UNSUPPORTED = 3
    TOO_LARGE = 4


class ThumbnailRow(NamedTuple):
    """A thumbnail that was made, or could not be; `location` is its name in the store, empty for none."""

    outcome: int
    content_type: str
    size: int
    created_ts: int
    location: str


def lock(sha256: bytes, size: int, now: int, location: str) -> str:
    """Have the row of a file, and hold it to the end of the transaction.

    What is returned is where the file is: at `location`, unless it was in the store already.
    """
    sql = (
        "INSERT INTO media_file (sha256, size, created_ts, location) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (sha256) DO UPDATE SET size = excluded.size RETURNING location"
    )
    found: str = db.value(sql, (sha256, size, now, location))
    return found


def hold(sha256: bytes) -> bool:
    """Hold the row of a file to the end of the transaction; False when there is none."""
    return db.changed("UPDATE media_file SET size = size WHERE sha256 = %s", (sha256,)) == 1


def remove_unused(sha256: bytes) -> list[str]:
    """Remove the rows of a file that no media are any more; where it and its thumbnails are in the store."""
    if not db.is_sqlite():
        # In a statement of its own: the next one then sees what was committed before the lock was got.
        db.execute("SELECT 1 FROM media_file WHERE sha256 = %s FOR UPDATE", (sha256,))
    sql = (
        "DELETE FROM media_file WHERE sha256 = %s"
        " AND NOT EXISTS (SELECT 1 FROM media WHERE media.sha256 = media_file.sha256) RETURNING location"
    )
    return _with_thumbnails(sha256, db.rows(sql, (sha256,)))


def remove(sha256: bytes) -> list[str]:
    """Remove the rows of a file although media are it; where it and its thumbnails are in the store."""
    gone = db.rows("DELETE FROM media_file WHERE sha256 = %s RETURNING location", (sha256,))
    return _with_thumbnails(sha256, gone)


def _with_thumbnails(sha256: bytes, gone: list[db.Row]) -> list[str]:
    if not gone:
        return []
    sql = "DELETE FROM media_thumbnail WHERE sha256 = %s RETURNING location"
    return [location for (location,) in (*gone, *db.rows(sql, (sha256,))) if location]


def are_used(locations: Sequence[str]) -> set[str]:
    """Those of some names in the store that a file, a thumbnail or a part of an archive has."""
    found: set[str] = set()
    for table in ("media_file", "media_thumbnail", "account_export_part"):
        sql = f"SELECT location FROM {table} WHERE {db.in_any('location')}"
        found.update(location for (location,) in db.rows(sql, (db.any_of(locations),)))
    return found


def is_blocked(sha256: bytes) -> bool:
    """Whether a file is neither taken nor served."""
    return db.value("SELECT 1 FROM blocked_media WHERE sha256 = %s", (sha256,)) is not None


def set_blocked(sha256: bytes, by_nid: int | None, now: int) -> None:
    """Block a file."""
    sql = (
        "INSERT INTO blocked_media (sha256, blocked_ts, blocked_by_nid) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING"
    )
    db.execute(sql, (sha256, now, by_nid))


def unblock(sha256: bytes) -> None:
    """Let a file be used again."""
    db.execute("DELETE FROM blocked_media WHERE sha256 = %s", (sha256,))


def thumbnail(sha256: bytes, name: str) -> ThumbnailRow | None:
    """A thumbnail of a file by its name, or why there is none at all; None when it has not been tried."""
    sql = (
        "SELECT outcome, content_type, size, created_ts, location FROM media_thumbnail"
        " WHERE sha256 = %s AND name IN (%s, '') ORDER BY name DESC LIMIT 1"
    )
    found = db.row(sql, (sha256, name))
    return ThumbnailRow(*found) if found else None


def put_thumbnail(sha256: bytes, name: str, row: ThumbnailRow) -> str:
    """Store what came of making a thumbnail; where the one before was in the store, empty for nowhere."""
    before = thumbnail(sha256, name)
    sql = (
        "INSERT INTO media_thumbnail (sha256, name, outcome, content_type, size, created_ts, location)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (sha256, name) DO UPDATE SET"
        " outcome = excluded.outcome, content_type = excluded.content_type, size = excluded.size,"
        " created_ts = excluded.created_ts, location = excluded.location"
    )
    db.execute(sql, (sha256, name, *row))
    return before.location if before is not None else ""


def forget_thumbnail(location: str) -> None:
    """Remove the row of a thumbnail that the store does not have."""
    db.execute("DELETE FROM media_thumbnail WHERE location = %s", (location,))


class Located(NamedTuple):
    """A file or a thumbnail in the store, and its size in bytes."""

    location: str
    size: int


def located(after: str, limit: int) -> list[Located]:
    """Files and thumbnails in the order of their names in the store."""
    sql = (
        "SELECT location, size FROM media_file WHERE location > %s"
        " UNION ALL SELECT location, size FROM media_thumbnail WHERE location > %s ORDER BY location LIMIT %s"
    )
    return [Located(*found) for found in db.rows(sql, (after, after, limit))]


def how_many_located() -> int:
    """How many files and thumbnails the store should have."""
    sql = (
        "SELECT (SELECT count(*) FROM media_file)"
        " + (SELECT count(*) FROM media_thumbnail WHERE location <> '')"
    )
    return int(db.value(sql))
