"""Events whose content is kept although they were redacted."""

from __future__ import annotations

from collections.abc import Sequence

from matrix_app.storage import db


def note(event_nid: int, now: int) -> None:
    """Remember since when an event is redacted; the first time stays."""
    sql = "INSERT INTO redacted_content (event_nid, redacted_ts) VALUES (%s, %s) ON CONFLICT DO NOTHING"
    db.execute(sql, (event_nid, now))


def since(before: int, limit: int) -> list[int]:
    """The nids of events that were redacted before a time, the first of them."""
    sql = "SELECT event_nid FROM redacted_content WHERE redacted_ts < %s ORDER BY redacted_ts LIMIT %s"
    return [found[0] for found in db.rows(sql, (before, limit))]


def forget(event_nids: Sequence[int]) -> None:
    """Forget events whose content has been removed."""
    db.execute(f"DELETE FROM redacted_content WHERE {db.in_any('event_nid')}", (db.any_of(event_nids),))
