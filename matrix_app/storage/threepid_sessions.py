"""Validations of third-party identifiers that are under way or done."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db


class ThreePidSession(NamedTuple):
    """One validation: who asked is known by `client_secret`; done once `validated_ts` is set."""

    sid: str
    client_secret: str
    medium: str
    address: str
    purpose: str
    token_hash: bytes
    send_attempt: int
    next_link: str | None
    created_ts: int
    validated_ts: int | None


_COLUMNS = ", ".join(ThreePidSession._fields)
_SELECT = f"SELECT {_COLUMNS} FROM threepid_session"


def _session(found: db.Row | None) -> ThreePidSession | None:
    return ThreePidSession(*found) if found else None


def find(sid: str) -> ThreePidSession | None:
    """The session with an ID, or None."""
    return _session(db.row(f"{_SELECT} WHERE sid = %s", (sid,)))


def find_for(medium: str, address: str, client_secret: str, purpose: str) -> ThreePidSession | None:
    """The latest session of a client for an address."""
    sql = (
        f"{_SELECT} WHERE medium = %s AND address = %s AND client_secret = %s AND purpose = %s"
        " ORDER BY created_ts DESC LIMIT 1"
    )
    return _session(db.row(sql, (medium, address, client_secret, purpose)))


def insert(session: ThreePidSession) -> None:
    """Store a new session."""
    db.execute(f"INSERT INTO threepid_session ({_COLUMNS}) VALUES ({', '.join(['%s'] * 10)})", session)


def sent_again(sid: str, token_hash: bytes, send_attempt: int, next_link: str | None) -> None:
    """Note that another mail is sent, with a token that replaces the one before."""
    sql = "UPDATE threepid_session SET token_hash = %s, send_attempt = %s, next_link = %s WHERE sid = %s"
    db.execute(sql, (token_hash, send_attempt, next_link, sid))


def validated(sid: str, now: int) -> None:
    """Note that the owner of the address has confirmed."""
    db.execute("UPDATE threepid_session SET validated_ts = %s WHERE sid = %s", (now, sid))


def delete(sid: str) -> None:
    """Remove a session that has served its purpose."""
    db.execute("DELETE FROM threepid_session WHERE sid = %s", (sid,))


def delete_before(ts: int) -> int:
    """Remove sessions from before a time; how many."""
    return db.changed("DELETE FROM threepid_session WHERE created_ts < %s", (ts,))
