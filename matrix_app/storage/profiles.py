"""Profiles: the fields that users show of themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import orjson

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.storage import db


class Names(NamedTuple):
    """What events about a user show of them."""

    displayname: str | None = None
    avatar_url: str | None = None


def get_fields(user_nid: int) -> dict[str, Any]:
    """Every profile field of a user."""
    sql = "SELECT field, value FROM profile WHERE user_nid = %s ORDER BY field"
    return {field: orjson.loads(bytes(value)) for field, value in db.rows(sql, (user_nid,))}


def names_of(user_nids: Iterable[int]) -> dict[int, Names]:
    """The display names and avatars of those users who have any."""
    sql = (
        f"SELECT user_nid, field, value FROM profile WHERE {db.in_any('user_nid')}"
        " AND field IN ('displayname', 'avatar_url')"
    )
    found: dict[int, Names] = {}
    for nid, field, value in db.rows(sql, (db.any_of(user_nids),)):
        found[nid] = found.get(nid, Names())._replace(**{field: orjson.loads(bytes(value))})
    return found


def put_field(user_nid: int, field: str, value: Any) -> None:
    """Store a field."""
    sql = (
        "INSERT INTO profile (user_nid, field, value) VALUES (%s, %s, %s)"
        " ON CONFLICT (user_nid, field) DO UPDATE SET value = excluded.value"
    )
    db.execute(sql, (user_nid, field, encode_canonical(value, lenient=True)))


def delete_field(user_nid: int, field: str) -> bool:
    """Remove a field; whether it was there."""
    return db.changed("DELETE FROM profile WHERE user_nid = %s AND field = %s", (user_nid, field)) > 0


def delete_all(user_nid: int) -> None:
    """Remove every field of a user."""
    db.execute("DELETE FROM profile WHERE user_nid = %s", (user_nid,))


def put_propagation(user_nid: int, changed_ts: int) -> None:
    """Remember that a user's rooms have to be told."""
    sql = (
        "INSERT INTO profile_propagation (user_nid, changed_ts) VALUES (%s, %s)"
        " ON CONFLICT (user_nid) DO UPDATE SET changed_ts = excluded.changed_ts"
    )
    db.execute(sql, (user_nid, changed_ts))


def propagation_of(user_nid: int) -> int | None:
    """When a profile changed that some rooms have still to be told of."""
    found = db.value("SELECT changed_ts FROM profile_propagation WHERE user_nid = %s", (user_nid,))
    return None if found is None else int(found)


def propagations_before(changed_ts: int, limit: int) -> list[int]:
    """Users whose rooms have not been told for long, oldest first."""
    sql = "SELECT user_nid FROM profile_propagation WHERE changed_ts < %s ORDER BY changed_ts LIMIT %s"
    return [found[0] for found in db.rows(sql, (changed_ts, limit))]


def forget_propagation(user_nid: int, changed_ts: int) -> None:
    """All rooms have been told of the change at this time, or an earlier one."""
    sql = "DELETE FROM profile_propagation WHERE user_nid = %s AND changed_ts <= %s"
    db.execute(sql, (user_nid, changed_ts))
