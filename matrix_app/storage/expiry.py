"""Rows whose time is over, removed a batch at a time."""

from __future__ import annotations

from typing import Final

from matrix_app.storage import db

# Table, key, and the column with the time that decides.
_TABLES: Final = (
    ("access_token", "nid", "expires_ts"),
    ("refresh_token", "nid", "expires_ts"),
    ("one_time_token", "token_hash", "expires_ts"),
    ("threepid_session", "sid", "created_ts"),
    ("outbound_to_device", "nid", "created_ts"),
    ("oauth_code", "code_hash", "expires_ts"),
    ("oauth_device_grant", "device_code_hash", "expires_ts"),
)


def tables() -> tuple[str, ...]:
    """The tables whose rows expire."""
    return tuple(table for table, _, _ in _TABLES)


def delete_before(table: str, ts: int, limit: int) -> int:
    """Delete up to `limit` rows whose time was before `ts`; how many."""
    name, key, column = next(entry for entry in _TABLES if entry[0] == table)
    sql = (
        f"DELETE FROM {name} WHERE {key} IN"
        f" (SELECT {key} FROM {name} WHERE {column} IS NOT NULL AND {column} < %s LIMIT %s)"
    )
    return db.changed(sql, (ts, limit))
