"""Messages whose senders wrote in them when they are to be removed."""

from __future__ import annotations

from matrix_app.storage import db


def put(event_nid: int, expires_ts: int) -> None:
    """Remember when an event is to be removed."""
    sql = "INSERT INTO event_expiry (event_nid, expires_ts) VALUES (%s, %s) ON CONFLICT DO NOTHING"
    db.execute(sql, (event_nid, expires_ts))


def due(now: int, limit: int) -> list[int]:
    """The nids of events whose time has come."""
    sql = "SELECT event_nid FROM event_expiry WHERE expires_ts <= %s ORDER BY expires_ts LIMIT %s"
    return [found[0] for found in db.rows(sql, (now, limit))]


def forget(event_nids: list[int]) -> None:
    """Forget the times of events that have been removed."""
    db.execute(f"DELETE FROM event_expiry WHERE {db.in_any('event_nid')}", (db.any_of(event_nids),))
