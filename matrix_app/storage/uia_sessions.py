"""Sessions of user-interactive authentication."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from matrix_app.storage import db


class UiaSession(NamedTuple):
    """What is authenticated, and the stages done so far in their order, each with its result."""

    session_id: str
    endpoint: str
    user_nid: int | None
    request: dict[str, Any]
    completed: dict[str, Any]
    created_ts: int


_SELECT = "SELECT session_id, endpoint, user_nid, request, completed, created_ts FROM uia_session"


def _session(found: db.Row) -> UiaSession:
    request, completed = json.loads(bytes(found[3])), json.loads(bytes(found[4]))
    return UiaSession(found[0], found[1], found[2], request, completed, found[5])


def _encoded(value: dict[str, Any]) -> bytes:
    # Not by orjson: what a client asks for may hold integers of any size.
    return json.dumps(value).encode()


def find(session_id: str, since: int) -> UiaSession | None:
    """A session that is not older than `since`, or None."""
    found = db.row(f"{_SELECT} WHERE session_id = %s AND created_ts >= %s", (session_id, since))
    return _session(found) if found else None


def insert(session: UiaSession) -> None:
    """Store a new session."""
    sql = (
        "INSERT INTO uia_session (session_id, endpoint, user_nid, request, completed, created_ts)"
        " VALUES (%s, %s, %s, %s, %s, %s)"
    )
    request, completed = _encoded(session.request), _encoded(session.completed)
    values = (session.session_id, session.endpoint, session.user_nid, request, completed, session.created_ts)
    db.execute(sql, values)


def set_completed(session_id: str, completed: dict[str, Any]) -> None:
    """Store the stages that are done."""
    sql = "UPDATE uia_session SET completed = %s WHERE session_id = %s"
    db.execute(sql, (_encoded(completed), session_id))


def set_request(session_id: str, request: dict[str, Any]) -> None:
    """Store what is asked for."""
    sql = "UPDATE uia_session SET request = %s WHERE session_id = %s"
    db.execute(sql, (_encoded(request), session_id))


def oldest(before: int, keep: int, limit: int = 500) -> list[UiaSession]:
    """Sessions from before a time, or beyond the newest `keep`; at most `limit`."""
    sql = (
        f"{_SELECT} WHERE created_ts < %s OR created_ts <"
        " (SELECT min(created_ts) FROM"
        " (SELECT created_ts FROM uia_session ORDER BY created_ts DESC LIMIT %s) newest)"
        " ORDER BY created_ts LIMIT %s"
    )
    return [_session(found) for found in db.rows(sql, (before, keep, limit))]


def delete(session_ids: list[str]) -> None:
    """Remove sessions."""
    db.execute(f"DELETE FROM uia_session WHERE {db.in_any('session_id')}", (db.any_of(session_ids),))
