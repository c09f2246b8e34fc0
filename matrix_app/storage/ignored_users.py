"""Whom users ignore, from their `m.ignored_user_list`."""

from __future__ import annotations

import orjson

from matrix_app.storage import db, interning

_TYPE = "m.ignored_user_list"


def ignored_by(user_nid: int) -> frozenset[int]:
    """The nids of the users that a user ignores; never their own."""
    sql = "SELECT content FROM account_data WHERE user_nid = %s AND room_nid = 0 AND type = %s"
    stored = db.value(sql, (user_nid, _TYPE))
    users = orjson.loads(bytes(stored)).get("ignored_users") if stored is not None else None
    if not isinstance(users, dict) or not users:
        return frozenset()
    named = (user_id for user_id in users if "\0" not in user_id)
    return frozenset(interning.user_nids(named).values()) - {user_nid}
