"""What the checks of the diagnostics found last."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from matrix_app.protocol.said import packed, unpacked
from matrix_app.storage import db


class CheckRow(NamedTuple):
    """What a check found, since when it has been so, and when it was looked at."""

    id: str
    status: str
    summary: str
    detail: str
    fix: str
    snippet: str
    data: dict[str, Any]
    since_ts: int
    checked_ts: int
    told_status: str


_COLUMNS = ", ".join(CheckRow._fields)


def put(
    id: str, status: str, summary: str, detail: str, fix: str, snippet: str, data: bytes, now: int
) -> None:
    """Store what a check found; `since_ts` stays as long as the status does."""
    sql = (
        "INSERT INTO check_result (id, status, summary, detail, fix, snippet, data, since_ts, checked_ts,"
        " told_status) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, '') ON CONFLICT (id) DO UPDATE SET"
        " since_ts = CASE WHEN check_result.status = excluded.status THEN check_result.since_ts"
        " ELSE excluded.since_ts END, status = excluded.status, summary = excluded.summary,"
        " detail = excluded.detail, fix = excluded.fix, snippet = excluded.snippet, data = excluded.data,"
        " checked_ts = excluded.checked_ts"
    )
    db.execute(sql, (id, status, packed(summary), packed(detail), packed(fix), snippet, data, now, now))


def all_rows() -> dict[str, CheckRow]:
    """What every check found last, by its ID."""
    return {row[0]: _read(row) for row in db.rows(f"SELECT {_COLUMNS} FROM check_result")}


def _read(found: db.Row) -> CheckRow:
    """What was found may be sentences with values, which pages say in the language of the visitor."""
    id, status, summary, detail, fix, snippet, data, *times = found
    return CheckRow(
        id, status, unpacked(summary), unpacked(detail), unpacked(fix), snippet, orjson.loads(data), *times
    )


def forget_others(ids: list[str]) -> None:
    """Forget what checks found that are no longer there."""
    db.execute(f"DELETE FROM check_result WHERE NOT ({db.in_any('id')})", (db.any_of(ids),))


def set_told(id: str, status: str) -> None:
    """Note which status was told of in a mail."""
    db.execute("UPDATE check_result SET told_status = %s WHERE id = %s", (status, id))


def worst(now: int) -> str:
    """The worst status of all that are not muted: error, warn or ok; empty when nothing was looked at."""
    sql = (
        "SELECT DISTINCT status FROM check_result WHERE NOT EXISTS (SELECT 1 FROM check_mute"
        " WHERE check_mute.id = check_result.id AND (until_ts IS NULL OR until_ts > %s))"
    )
    found = {row[0] for row in db.rows(sql, (now,))}
    return next((status for status in ("error", "warn") if status in found), "ok" if found else "")
