"""The audit log: who did what to what. Rows are added by services and removed by age, never changed."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from matrix_app.storage import db


class AuditRow(NamedTuple):
    """An entry of the audit log; `actor` is a user ID, or None for the command line and Hearth itself."""

    nid: int
    ts: int
    actor: str | None
    via: str
    action: str
    target: str
    details: dict[str, Any]
    ip: str


def put(ts: int, actor_nid: int | None, via: str, action: str, target: str, details: bytes, ip: str) -> None:
    """Add an entry; `details` is a JSON object."""
    sql = (
        "INSERT INTO audit_entry (ts, actor_nid, via, action, target, details, ip)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)"
    )
    db.execute(sql, (ts, actor_nid, via, action, target, details, ip))


def page(*, before: int | None, limit: int, action: str = "", target: str = "") -> list[AuditRow]:
    """Entries, the newest first, before a nid; of one action or one target where they are given."""
    conditions = ["e.nid < %s"]
    values: list[int | str] = [(1 << 62) if before is None else before]
    for column, value in (("action", action), ("target", target)):
        if value:
            conditions.append(f"e.{column} = %s")
            values.append(value)
    sql = (
        "SELECT e.nid, e.ts, u.user_id, e.via, e.action, e.target, e.details, e.ip FROM audit_entry e"
        " LEFT JOIN matrix_user u ON u.nid = e.actor_nid"
        f" WHERE {' AND '.join(conditions)} ORDER BY e.nid DESC LIMIT %s"
    )
    found = db.rows(sql, (*values, limit))
    return [
        AuditRow(nid, ts, actor, via, name, about, orjson.loads(details), ip)
        for nid, ts, actor, via, name, about, details, ip in found
    ]


def by_actor(actor_nid: int, limit: int) -> list[AuditRow]:
    """What a user did, the newest first: reads the whole log, so it is for a task and not for a page."""
    sql = (
        "SELECT nid, ts, via, action, target, details, ip FROM audit_entry WHERE actor_nid = %s"
        " ORDER BY nid DESC LIMIT %s"
    )
    return [
        AuditRow(nid, ts, None, via, name, about, orjson.loads(details), ip)
        for nid, ts, via, name, about, details, ip in db.rows(sql, (actor_nid, limit))
    ]


def actions() -> list[str]:
    """The actions that the log knows, in order."""
    return [row[0] for row in db.rows("SELECT DISTINCT action FROM audit_entry ORDER BY action")]


def delete_before(ts: int, limit: int) -> int:
    """Remove entries from before a time, at most `limit`; how many."""
    sql = (
        "DELETE FROM audit_entry"
        " WHERE nid IN (SELECT nid FROM audit_entry WHERE ts < %s ORDER BY ts LIMIT %s)"
    )
    return db.changed(sql, (ts, limit))
