"""The name of this server's present life: a copy of the database that was restored has another one."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from matrix_app.storage import db


class Installation(NamedTuple):
    """Since when it lives under which random name, and the backup that it came from, if it did."""

    name: str
    begun_ts: int
    backup_id: str
    backup_ts: int | None


def find() -> Installation | None:
    """The present life; None when it has no name yet."""
    found = db.row("SELECT name, begun_ts, backup_id, backup_ts FROM installation WHERE id = 1")
    return Installation(*found) if found else None


def ensure(now: int) -> Installation:
    """The present life, which gets its name when it has none."""
    if (present := find()) is not None:
        return present
    sql = (
        "INSERT INTO installation (id, name, begun_ts, backup_id) VALUES (1, %s, %s, '')"
        " ON CONFLICT DO NOTHING"
    )
    with db.write():
        db.execute(sql, (secrets.token_hex(16), now))
    found = find()
    assert found is not None
    return found


def renew(now: int, backup_id: str, backup_ts: int) -> None:
    """Begin another life, as a copy that was restored."""
    sql = (
        "INSERT INTO installation (id, name, begun_ts, backup_id, backup_ts) VALUES (1, %s, %s, %s, %s)"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, begun_ts = excluded.begun_ts,"
        " backup_id = excluded.backup_id, backup_ts = excluded.backup_ts"
    )
    db.execute(sql, (secrets.token_hex(16), now, backup_id, backup_ts))


def schema_version() -> tuple[str, str] | None:
    """The version that made the schema what it is, and the oldest that can work with it."""
    found = db.row("SELECT version, oldest_code FROM schema_version WHERE id = 1")
    return (found[0], found[1]) if found else None


def put_schema_version(version: str, oldest_code: str) -> None:
    """Note who made the schema what it is, unless that is noted already."""
    sql = (
        "INSERT INTO schema_version (id, version, oldest_code) VALUES (1, %s, %s) ON CONFLICT (id) DO UPDATE"
        " SET version = excluded.version, oldest_code = excluded.oldest_code"
    )
    if schema_version() != (version, oldest_code):
        with db.write():
            db.execute(sql, (version, oldest_code))
