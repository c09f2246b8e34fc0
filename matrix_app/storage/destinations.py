"""Servers that are sent to: whether they answer, and when one that does not may be asked again."""

from __future__ import annotations

from typing import Final, NamedTuple

from matrix_app.storage import db, interning


class Health(NamedTuple):
    """How a server has answered lately."""

    failing_since_ts: int | None
    retry_at_ts: int
    interval_ms: int
    last_success_ts: int | None


UNKNOWN: Final = Health(None, 0, 0, None)


def health(server_name: str) -> Health:
    """How the server has answered lately; `UNKNOWN` for one that was never asked."""
    found = db.row(
        "SELECT d.failing_since_ts, d.retry_at_ts, d.interval_ms, d.last_success_ts"
        " FROM destination d JOIN server s ON s.nid = d.server_nid WHERE s.name = %s",
        (server_name,),
    )
    return Health(*found) if found else UNKNOWN


def any_answered() -> bool:
    """Whether any other server has ever answered."""
    return bool(db.rows("SELECT 1 FROM destination WHERE last_success_ts IS NOT NULL LIMIT 1"))


def put_failure(server_name: str, now: int, retry_at_ts: int, interval_ms: int) -> None:
    """The server did not answer: it is left alone until `retry_at_ts`."""
    db.execute(
        "INSERT INTO destination"
        " (server_nid, failing_since_ts, retry_at_ts, interval_ms, sent_position, is_behind)"
        " VALUES (%s, %s, %s, %s, 0, %s) ON CONFLICT (server_nid) DO UPDATE SET"
        " failing_since_ts = COALESCE(destination.failing_since_ts, excluded.failing_since_ts),"
        " retry_at_ts = excluded.retry_at_ts, interval_ms = excluded.interval_ms",
        (interning.server_nid(server_name), now, retry_at_ts, interval_ms, False),
    )


def put_success(server_name: str, now: int) -> None:
    """The server answers."""
    db.execute(
        "INSERT INTO destination"
        " (server_nid, failing_since_ts, retry_at_ts, interval_ms, last_success_ts, sent_position, is_behind)"
        " VALUES (%s, NULL, 0, 0, %s, 0, %s) ON CONFLICT (server_nid) DO UPDATE SET"
        " failing_since_ts = NULL, retry_at_ts = 0, interval_ms = 0,"
        " last_success_ts = excluded.last_success_ts",
        (interning.server_nid(server_name), now, False),
    )


def failing(limit: int) -> list[tuple[str, Health]]:
    """Servers that do not answer, the longest silent first."""
    found = db.rows(
        "SELECT s.name, d.failing_since_ts, d.retry_at_ts, d.interval_ms, d.last_success_ts"
        " FROM destination d JOIN server s ON s.nid = d.server_nid"
        " WHERE d.failing_since_ts IS NOT NULL ORDER BY d.failing_since_ts LIMIT %s",
        (limit,),
    )
    return [(name, Health(*rest)) for name, *rest in found]
