"""The files in the store, their thumbnails, and which of them are blocked.

A file is added and removed while its row is locked, so that one which is being uploaded again is not removed
in the same moment.
"""

from __future__ import annotations

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
    """A thumbnail that was made, or could not be."""

    outcome: int
    content_type: str
    size: int
    created_ts: int


def lock(sha256: bytes, size: int, now: int) -> None:
    """Have the row of a file, and hold it to the end of the transaction."""
    sql = (
        "INSERT INTO media_file (sha256, size, created_ts) VALUES (%s, %s, %s)"
        " ON CONFLICT (sha256) DO UPDATE SET size = excluded.size"
    )
    db.execute(sql, (sha256, size, now))


def hold(sha256: bytes) -> bool:
    """Hold the row of a file to the end of the transaction; False when there is none."""
    return db.changed("UPDATE media_file SET size = size WHERE sha256 = %s", (sha256,)) == 1


def remove_unused(sha256: bytes) -> bool:
    """Remove the rows of a file that no media are any more, and hold them to the end of the transaction."""
    if not db.is_sqlite():
        # In a statement of its own: the next one then sees what was committed before the lock was got.
        db.execute("SELECT 1 FROM media_file WHERE sha256 = %s FOR UPDATE", (sha256,))
    sql = (
        "DELETE FROM media_file WHERE sha256 = %s"
        " AND NOT EXISTS (SELECT 1 FROM media WHERE media.sha256 = media_file.sha256)"
    )
    if not db.changed(sql, (sha256,)):
        return False
    db.execute("DELETE FROM media_thumbnail WHERE sha256 = %s", (sha256,))
    return True


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
    """A thumbnail of a file by its name, or None when it has not been tried."""
    sql = (
        "SELECT outcome, content_type, size, created_ts FROM media_thumbnail WHERE sha256 = %s AND name = %s"
    )
    found = db.row(sql, (sha256, name))
    return ThumbnailRow(*found) if found else None


def put_thumbnail(sha256: bytes, name: str, row: ThumbnailRow) -> None:
    """Store what came of making a thumbnail."""
    sql = (
        "INSERT INTO media_thumbnail (sha256, name, outcome, content_type, size, created_ts)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (sha256, name) DO UPDATE SET"
        " outcome = excluded.outcome, content_type = excluded.content_type, size = excluded.size,"
        " created_ts = excluded.created_ts"
    )
    db.execute(sql, (sha256, name, *row))
