"""Previews of links by address and hour."""

from __future__ import annotations

from matrix_app.storage import db


def find(url_hash: bytes, hour: int) -> bytes | None:
    """The JSON of a preview, or None."""
    found = db.value("SELECT content FROM url_preview WHERE url_hash = %s AND hour = %s", (url_hash, hour))
    return None if found is None else bytes(found)


def put(url_hash: bytes, hour: int, content: bytes, expires_ts: int) -> None:
    """Store a preview, in place of one of the same hour."""
    sql = (
        "INSERT INTO url_preview (url_hash, hour, content, expires_ts) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (url_hash, hour) DO UPDATE SET content = excluded.content"
    )
    db.execute(sql, (url_hash, hour, content, expires_ts))


def remove_expired(now: int, limit: int) -> int:
    """Remove previews whose time is over; how many."""
    sql = (
        "DELETE FROM url_preview WHERE (url_hash, hour) IN"
        " (SELECT url_hash, hour FROM url_preview WHERE expires_ts < %s LIMIT %s)"
    )
    return db.changed(sql, (now, limit))


def remove_oldest(most: int, limit: int) -> int:
    """Remove previews that are older than the newest `most`; how many."""
    excess = int(db.value("SELECT count(*) FROM url_preview")) - most
    if excess <= 0:
        return 0
    sql = (
        "DELETE FROM url_preview WHERE (url_hash, hour) IN"
        " (SELECT url_hash, hour FROM url_preview ORDER BY expires_ts LIMIT %s)"
    )
    return db.changed(sql, (min(excess, limit),))
