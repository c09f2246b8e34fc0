"""Files of the store that nothing refers to any more: remembered until the store has removed them."""

from __future__ import annotations

from collections.abc import Sequence

from matrix_app.storage import db


def put(locations: Sequence[str], now: int) -> None:
    """Remember files, in the transaction that removes what referred to them."""
    sql = "INSERT INTO media_removal (location, created_ts) VALUES {values} ON CONFLICT DO NOTHING"
    db.insert_many(sql, 2, [(location, now) for location in locations])


def some(limit: int) -> list[str]:
    """Some that are still there, the oldest first."""
    sql = "SELECT location FROM media_removal ORDER BY created_ts, location LIMIT %s"
    return [location for (location,) in db.rows(sql, (limit,))]


def forget(locations: Sequence[str]) -> None:
    """Note that the store has removed them."""
    db.execute(f"DELETE FROM media_removal WHERE {db.in_any('location')}", (db.any_of(locations),))
