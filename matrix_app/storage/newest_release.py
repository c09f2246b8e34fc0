"""The newest release that this server has heard of, and how asking went last: one row."""

from __future__ import annotations

from typing import Final, NamedTuple

from matrix_app.storage import db

_ROW: Final = 1


class ReleaseRow(NamedTuple):
    """A version, where it is told of, when it was asked for, and what went wrong then."""

    version: str
    url: str
    asked_ts: int
    fault: str


def put(version: str, url: str, now: int) -> None:
    """Keep what was heard."""
    sql = (
        "INSERT INTO newest_release (id, version, url, asked_ts, fault) VALUES (%s, %s, %s, %s, '')"
        " ON CONFLICT (id) DO UPDATE SET version = excluded.version, url = excluded.url,"
        " asked_ts = excluded.asked_ts, fault = ''"
    )
    db.execute(sql, (_ROW, version, url, now))


def put_fault(fault: str, now: int) -> None:
    """Keep that nothing was heard, and what was heard before."""
    sql = (
        "INSERT INTO newest_release (id, version, url, asked_ts, fault) VALUES (%s, '', '', %s, %s)"
        " ON CONFLICT (id) DO UPDATE SET asked_ts = excluded.asked_ts, fault = excluded.fault"
    )
    db.execute(sql, (_ROW, now, fault))


def get() -> ReleaseRow | None:
    """What was heard last; None when nobody was asked."""
    row = db.row("SELECT version, url, asked_ts, fault FROM newest_release WHERE id = %s", (_ROW,))
    return None if row is None else ReleaseRow(*row)
