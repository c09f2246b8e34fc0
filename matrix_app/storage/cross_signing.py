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
