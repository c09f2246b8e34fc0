"""Presence that runs out: active, idle, offline."""

from __future__ import annotations

from typing import Final

from matrix_app.services.presence import RECENT_MS, enabled
from matrix_app.storage import db, presence
from matrix_app.storage.clock import now_ms
from matrix_app.storage.presence import PresenceRow

GONE_MS: Final = 30_000
# "The server will automatically set a user's presence to unavailable if their last active time was over
# a threshold value (e.g. 5 minutes)."
IDLE_MS: Final = 300_000
BATCH: Final = 500
MOST: Final = 20_000


def sweep() -> int:
    """Bring the presence of up to `BATCH` users up to date; how many changed."""
    if not enabled():
        return 0
    now = now_ms()
    with db.write():
        rows = presence.due(
            gone_before=now - GONE_MS, idle_before=now - IDLE_MS, recent_before=now - RECENT_MS, limit=BATCH
        )
        if rows:
            presence.put_all([_as_of(row, now) for row in rows])
    return len(rows)


def sweep_all() -> int:
    """Bring everybody's presence up to date, some at a time; how many changed."""
    total = changed = sweep()
    while changed == BATCH and total < MOST:
        changed = sweep()
        total += changed
    return total


def _as_of(row: PresenceRow, now: int) -> PresenceRow:
    if max(row.last_sync_ts or 0, row.last_active_ts) < now - GONE_MS:
        return row._replace(presence="offline", currently_active=False)
    if row.presence == "online" and row.last_active_ts < now - IDLE_MS:
        return row._replace(presence="unavailable", currently_active=False)
    return row._replace(currently_active=False)
