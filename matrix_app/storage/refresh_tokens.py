"""Refresh tokens: each points to the one that replaced it, until its successor is used."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db


class RefreshTokenRow(NamedTuple):
    """A refresh token that is still valid."""

    nid: int
    user_nid: int
    device_nid: int
    next_nid: int | None
    expires_ts: int | None


_SELECT = f"SELECT {', '.join(RefreshTokenRow._fields)} FROM refresh_token"


def find(token_hash: bytes) -> RefreshTokenRow | None:
    """The refresh token with a hash, or None."""
    found = db.row(f"{_SELECT} WHERE token_hash = %s", (token_hash,))
    return RefreshTokenRow(*found) if found else None


def put(token_hash: bytes, user_nid: int, device_nid: int, expires_ts: int | None, now: int) -> int:
    """Store a refresh token; its nid."""
    sql = (
        "INSERT INTO refresh_token (token_hash, user_nid, device_nid, expires_ts, created_ts)"
        " VALUES (%s, %s, %s, %s, %s) RETURNING nid"
    )
    return int(db.value(sql, (token_hash, user_nid, device_nid, expires_ts, now)))


def any_since(device_nid: int, ts: int) -> bool:
    """Whether a device has a refresh token that was made after a time."""
    sql = "SELECT 1 FROM refresh_token WHERE device_nid = %s AND created_ts > %s LIMIT 1"
    return db.value(sql, (device_nid, ts)) is not None


def oldest_ts(device_nid: int) -> int | None:
    """When the oldest refresh token of a device was made that is still valid."""
    sql = "SELECT min(created_ts) FROM refresh_token WHERE device_nid = %s"
    found: int | None = db.value(sql, (device_nid,))
    return found


def replace(nid: int, successor_nid: int) -> None:
    """Let a token point to the one that replaces it."""
    db.execute("UPDATE refresh_token SET next_nid = %s WHERE nid = %s", (successor_nid, nid))


def delete(nid: int) -> None:
    """Remove a token, and the access tokens that came with it."""
    db.execute("DELETE FROM access_token WHERE refresh_token_nid = %s", (nid,))
    db.execute("DELETE FROM refresh_token WHERE nid = %s", (nid,))


def delete_before(successor_nid: int) -> None:
    """Remove the tokens that one has replaced, and the access tokens that came with them."""
    found = db.rows("SELECT nid FROM refresh_token WHERE next_nid = %s", (successor_nid,))
    for (nid,) in found:
        delete(nid)
