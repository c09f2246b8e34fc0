"""The rooms that a user is in, as lists show them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db
from matrix_app.storage.members import Membership


class UserRoom(NamedTuple):
    """A room of a user."""

    room_nid: int
    room_id: str
    name: str | None
    canonical_alias: str | None
    membership: Membership
    joined_members: int
    encryption: str | None


def page(user_nid: int, *, after: int, limit: int) -> list[UserRoom]:
    """Rooms that a user is in, invited to or banned from, after a room's nid."""
    sql = (
        "SELECT r.nid, r.room_id, s.name, s.canonical_alias, m.membership, COALESCE(s.joined_members, 0),"
        " s.encryption FROM membership m JOIN room r ON r.nid = m.room_nid"
        " LEFT JOIN room_summary s ON s.room_nid = m.room_nid"
        " WHERE m.user_nid = %s AND m.room_nid > %s AND m.membership <> 0"
        " ORDER BY m.room_nid LIMIT %s"
    )
    return [
        UserRoom(nid, room_id, name, alias, Membership(membership), joined, encryption)
        for nid, room_id, name, alias, membership, joined, encryption in db.rows(
            sql, (user_nid, after, limit)
        )
    ]


def count_joined_of(user_nids: Iterable[int]) -> int:
    """How many memberships some users have together."""
    sql = f"SELECT count(*) FROM membership WHERE {db.in_any('user_nid')} AND membership = 2"
    return int(db.value(sql, (db.any_of(user_nids),)))


def count_joined(user_nid: int) -> int:
    """How many rooms a user is in."""
    sql = "SELECT count(*) FROM membership WHERE user_nid = %s AND membership = %s"
    return int(db.value(sql, (user_nid, Membership.JOIN)))
