"""Account data of users, global (room 0) and per room."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db
from matrix_app.storage.stream import Kind, append_one

GLOBAL = 0


class AccountDataRow(NamedTuple):
    """One entry; `content` is JSON."""

    room_nid: int
    type: str
    content: bytes
    position: int


_SELECT = f"SELECT {', '.join(AccountDataRow._fields)} FROM account_data"


def get(user_nid: int, room_nid: int, data_type: str) -> bytes | None:
    """The content of an entry, or None."""
    sql = "SELECT content FROM account_data WHERE user_nid = %s AND room_nid = %s AND type = %s"
    found = db.value(sql, (user_nid, room_nid, data_type))
    return None if found is None else bytes(found)


def put(user_nid: int, room_nid: int, data_type: str, content: bytes, *, kind: Kind | None = None) -> int:
    """Store an entry, inside a write transaction; its position in the stream.

    `kind` is what the stream says of it, where it is not plain account data.
    """
    kind = kind or (Kind.ACCOUNT_DATA if room_nid == GLOBAL else Kind.ROOM_ACCOUNT_DATA)
    position = append_one(kind, user=user_nid)
    sql = (
        "INSERT INTO account_data (user_nid, room_nid, type, content, position) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (user_nid, room_nid, type) DO UPDATE SET content = excluded.content,"
        " position = excluded.position"
    )
    db.execute(sql, (user_nid, room_nid, data_type, content, position))
    return position


def changed(user_nid: int, after: int, upto: int) -> list[AccountDataRow]:
    """A user's entries, global and of every room, that changed after `after` up to `upto`."""
    sql = f"{_SELECT} WHERE user_nid = %s AND position > %s AND position <= %s ORDER BY position"
    return _rows(db.rows(sql, (user_nid, after, upto)))


def of_rooms(user_nid: int, room_nids: Iterable[int]) -> list[AccountDataRow]:
    """A user's entries of some rooms (`GLOBAL` for the global ones)."""
    sql = f"{_SELECT} WHERE user_nid = %s AND {db.in_any('room_nid')} ORDER BY position"
    return _rows(db.rows(sql, (user_nid, db.any_of(room_nids))))


def users_with(data_type: str, user_nids: Iterable[int]) -> dict[int, bytes]:
    """The global entries of one type of some users."""
    sql = (
        "SELECT user_nid, content FROM account_data"
        f" WHERE {db.in_any('user_nid')} AND room_nid = 0 AND type = %s"
    )
    return {nid: bytes(content) for nid, content in db.rows(sql, (db.any_of(user_nids), data_type))}


def _rows(found: Iterable[db.Row]) -> list[AccountDataRow]:
    return [AccountDataRow(room, name, bytes(content), position) for room, name, content, position in found]
