"""Cross-signing keys of users, local and remote, by usage: master, self_signing, user_signing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db


class CrossSigningRow(NamedTuple):
    """A cross-signing key as its user signed it; `key` is JSON."""

    user_nid: int
    usage: str
    key: bytes


def of_users(user_nids: Iterable[int], usages: Iterable[str]) -> list[CrossSigningRow]:
    """The cross-signing keys of some users for some usages."""
    sql = (
        "SELECT user_nid, usage, key FROM cross_signing_key"
        f" WHERE {db.in_any('user_nid')} AND {db.in_any('usage')}"
    )
    found = db.rows(sql, (db.any_of(user_nids), db.any_of(usages)))
    return [CrossSigningRow._make(row) for row in found]


def of_user(user_nid: int) -> dict[str, bytes]:
    """A user's keys by usage."""
    sql = "SELECT usage, key FROM cross_signing_key WHERE user_nid = %s"
    return {usage: bytes(key) for usage, key in db.rows(sql, (user_nid,))}


def put(user_nid: int, usage: str, key: bytes) -> None:
    """Store a key in place of the one that the user had for this usage."""
    sql = (
        "INSERT INTO cross_signing_key (user_nid, usage, key) VALUES (%s, %s, %s)"
        " ON CONFLICT (user_nid, usage) DO UPDATE SET key = excluded.key"
    )
    db.execute(sql, (user_nid, usage, key))


def delete(user_nid: int, usages: Iterable[str]) -> None:
    """Remove a user's keys for some usages."""
    sql = f"DELETE FROM cross_signing_key WHERE user_nid = %s AND {db.in_any('usage')}"
    db.execute(sql, (user_nid, db.any_of(usages)))


def allow_reset(user_nid: int, until_ts: int) -> None:
    """Note until when a user may replace their keys without proving who they are."""
    sql = (
        "INSERT INTO cross_signing_reset (user_nid, until_ts) VALUES (%s, %s)"
        " ON CONFLICT (user_nid) DO UPDATE SET until_ts = excluded.until_ts"
    )
    db.execute(sql, (user_nid, until_ts))


def reset_until(user_nid: int) -> int | None:
    """Until when a user may do that; None where it was not allowed, or has been done."""
    found: int | None = db.value("SELECT until_ts FROM cross_signing_reset WHERE user_nid = %s", (user_nid,))
    return found


def end_reset(user_nid: int) -> None:
    """Note that a user may do that no longer."""
    db.execute("DELETE FROM cross_signing_reset WHERE user_nid = %s", (user_nid,))
