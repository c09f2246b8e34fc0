"""Tokens that are valid for a short while and one purpose."""

from __future__ import annotations

from matrix_app.storage import db


def put(token_hash: bytes, purpose: str, user_nid: int, expires_ts: int, now: int) -> None:
    """Store a token; those that have expired are removed."""
    db.execute("DELETE FROM one_time_token WHERE expires_ts < %s", (now,))
    sql = (
        "INSERT INTO one_time_token (token_hash, purpose, user_nid, expires_ts, data)"
        " VALUES (%s, %s, %s, %s, %s)"
    )
    db.execute(sql, (token_hash, purpose, user_nid, expires_ts, b"{}"))


def owner(token_hash: bytes, purpose: str, now: int) -> int | None:
    """The nid of the user whom a valid token belongs to."""
    sql = "SELECT user_nid FROM one_time_token WHERE token_hash = %s AND purpose = %s AND expires_ts > %s"
    found: int | None = db.value(sql, (token_hash, purpose, now))
    return found


def take(token_hash: bytes, purpose: str, now: int) -> int | None:
    """The owner of a valid token, which ends by this: only one of several who try gets an answer."""
    sql = (
        "DELETE FROM one_time_token WHERE token_hash = %s AND purpose = %s AND expires_ts > %s"
        " RETURNING user_nid"
    )
    found: int | None = db.value(sql, (token_hash, purpose, now))
    return found
