"""The member events of a room's local users, for the names that they have there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db


class LocalMembers(NamedTuple):
    """The local users joined to a room (nid to that of their member event) in the state `state_nid`."""

    state_nid: int | None
    events: dict[int, int]


def local_members(room_nid: int, limit: int) -> LocalMembers:
    """Up to `limit` local users who are joined to a room that exists, and the state they were read of."""
    # In one statement, so that one cannot be newer than the other.
    sql = (
        "SELECT r.state_nid, m.user_nid, m.event_nid FROM room r LEFT JOIN membership m"
        " ON m.room_nid = r.nid AND m.membership = 2 AND m.is_local WHERE r.nid = %s LIMIT %s"
    )
    found = db.rows(sql, (room_nid, limit))
    return LocalMembers(found[0][0], {user: event for _, user, event in found if user is not None})


def stored_events(event_nids: Iterable[int]) -> dict[int, bytes]:
    """Member events as stored, by their nids."""
    sql = f"SELECT nid, json FROM event WHERE {db.in_any('nid')}"
    return {nid: bytes(stored) for nid, stored in db.rows(sql, (db.any_of(event_nids),))}
