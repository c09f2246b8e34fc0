"""Sessions of people in their browsers, on the pages of administrators and on those of accounts."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db


class WebSessionRow(NamedTuple):
    """A session, with what the pages need to know of its user."""

    nid: int
    area: str
    user_nid: int
    user_id: str
    created_ts: int
    last_used_ts: int
    confirmed_until_ts: int | None
    second_factor_pending: bool
    ip: str
    user_agent: str
    is_admin: bool
    is_guest: bool
    locked_ts: int | None
    deactivated_ts: int | None
    suspended_ts: int | None


_SELECT = """
SELECT s.nid, s.area, s.user_nid, u.user_id, s.created_ts, s.last_used_ts, s.confirmed_until_ts,
       s.second_factor_pending, s.ip, s.user_agent, a.is_admin, a.is_guest, a.locked_ts, a.deactivated_ts,
       a.suspended_ts
FROM web_session s
JOIN matrix_user u ON u.nid = s.user_nid
JOIN account a ON a.user_nid = s.user_nid
"""


def put(token_hash: bytes, area: str, user_nid: int, now: int, *, pending: bool, ip: str, agent: str) -> int:
    """Store a new session; its nid. One whose second factor is not pending begins confirmed by nobody."""
    sql = (
        "INSERT INTO web_session (token_hash, area, user_nid, created_ts, last_used_ts,"
        " second_factor_pending, ip, user_agent) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING nid"
    )
    return int(db.value(sql, (token_hash, area, user_nid, now, now, pending, ip, agent)))


def find(token_hash: bytes, area: str) -> WebSessionRow | None:
    """The session of a token in an area, or None."""
    found = db.row(f"{_SELECT} WHERE s.token_hash = %s AND s.area = %s", (token_hash, area))
    return WebSessionRow(*found) if found else None


def of_user(user_nid: int, limit: int = 100) -> list[WebSessionRow]:
    """Sessions of a user, the one that was used last first, at most `limit`."""
    sql = f"{_SELECT} WHERE s.user_nid = %s ORDER BY s.last_used_ts DESC LIMIT %s"
    return [WebSessionRow(*row) for row in db.rows(sql, (user_nid, limit))]


def count(user_nid: int) -> int:
    """How many sessions a user has."""
    return int(db.value("SELECT count(*) FROM web_session WHERE user_nid = %s", (user_nid,)))


def touch(nid: int, now: int, ip: str) -> None:
    """Note that a session was used."""
    db.execute("UPDATE web_session SET last_used_ts = %s, ip = %s WHERE nid = %s", (now, ip, nid))


def confirm(nid: int, until: int) -> None:
    """Let a session do dangerous things until a time."""
    sql = "UPDATE web_session SET confirmed_until_ts = %s, second_factor_pending = %s WHERE nid = %s"
    db.execute(sql, (until, False, nid))


def replace_token(nid: int, token_hash: bytes) -> None:
    """Give a session another token: what was known of it before is worth nothing."""
    db.execute("UPDATE web_session SET token_hash = %s WHERE nid = %s", (token_hash, nid))


def end(nid: int, user_nid: int) -> bool:
    """End a session of a user; False when it is not there."""
    return db.changed("DELETE FROM web_session WHERE nid = %s AND user_nid = %s", (nid, user_nid)) == 1


def end_of_user(user_nid: int, *, but_nid: int | None = None) -> int:
    """End all sessions of a user but one; how many."""
    kept = -1 if but_nid is None else but_nid
    return db.changed("DELETE FROM web_session WHERE user_nid = %s AND nid <> %s", (user_nid, kept))


def delete_before(last_used_ts: int, limit: int) -> int:
    """Remove sessions that nobody has used since a time, at most `limit`; how many."""
    sql = (
        "DELETE FROM web_session WHERE nid IN"
        " (SELECT nid FROM web_session WHERE last_used_ts < %s ORDER BY last_used_ts LIMIT %s)"
    )
    return db.changed(sql, (last_used_ts, limit))
