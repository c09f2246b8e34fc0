"""A user's rooms with what lists of rooms sort, filter and show them by."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db


class ListedRoom(NamedTuple):
    """A room as a user's lists have it. Without a summary, its columns are empty."""

    room_nid: int
    membership: int
    event_nid: int
    sender_nid: int
    forgotten: bool
    # Of the last member event, and of the last that changed the membership.
    position: int
    changed_position: int
    # Of the last event in the room, and of the last that puts it up.
    room_position: int
    bump_position: int
    name: str | None
    avatar_url: str | None
    room_type: str | None
    encryption: str | None
    joined_members: int
    invited_members: int


_SELECT = (
    "SELECT m.room_nid, m.membership, m.event_nid, m.sender_nid, m.forgotten, m.position, m.changed_position,"
    " r.position, r.bump_position, s.name, s.avatar_url, s.room_type, s.encryption,"
    " coalesce(s.joined_members, 0), coalesce(s.invited_members, 0)"
    " FROM membership m JOIN room r ON r.nid = m.room_nid"
    " LEFT JOIN room_summary s ON s.room_nid = m.room_nid WHERE m.user_nid = %s"
)


def of_user(user_nid: int) -> list[ListedRoom]:
    """The rooms that a user is in, is invited to or knocks on, and those that others removed them from."""
    # Constants, so that the index of memberships is used.
    sql = f"{_SELECT} AND (m.membership IN (1, 2, 3) OR m.membership IN (0, 4) AND m.sender_nid <> %s)"
    return [ListedRoom(*found) for found in db.rows(sql, (user_nid, user_nid))]


def among(user_nid: int, room_nids: Iterable[int]) -> list[ListedRoom]:
    """Those of some rooms of which the user has, or had, a membership."""
    sql = f"{_SELECT} AND {db.in_any('m.room_nid')}"
    return [ListedRoom(*found) for found in db.rows(sql, (user_nid, db.any_of(room_nids)))]
