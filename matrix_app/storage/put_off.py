"""Times until which something is put off, wherever they are kept."""

from __future__ import annotations

from typing import Final

from matrix_app.storage import db

# By table and column, and whom it concerns.
_TIMES: Final = (
    ("destination", "retry_at_ts", "is_behind OR failing_since_ts IS NOT NULL"),
    ("destination", "refused_until_ts", "is_behind"),
    ("staged_pdu", "retry_ts", "needs_asking"),
    ("staged_pdu", "received_ts", "NOT needs_asking"),
    ("unrouted_change", "retry_ts", "TRUE"),
    ("remote_device_list", "retry_ts", "NOT is_current"),
    ("pusher", "retry_ts", "retry_ts IS NOT NULL"),
    ("appservice_progress", "retry_ts", "retry_ts IS NOT NULL"),
    ("long_task", "heartbeat_ts", "heartbeat_ts IS NOT NULL"),
)


def bring_back(now: int, longest: int) -> dict[str, int]:
    """Let be due now what is put off for longer than anything ever is; how much that was, by table."""
    found: dict[str, int] = {}
    for table, column, concerns in _TIMES:
        sql = f"UPDATE {table} SET {column} = %s WHERE ({concerns}) AND {column} > %s"
        if count := db.changed(sql, (now, now + longest)):
            found[table] = found.get(table, 0) + count
    return found
