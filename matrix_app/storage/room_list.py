"""Lists of rooms for administrators: searched, filtered, sorted, and paged by key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from matrix_app.storage import db


class ListedRoom(NamedTuple):
    """A room as lists show it."""

    nid: int
    room_id: str
    version: str
    name: str | None
    canonical_alias: str | None
    room_type: str | None
    join_rule: str
    encryption: str | None
    federate: bool
    joined_members: int
    local_joined_members: int
    is_published: bool
    blocked_ts: int | None
    position: int
    guest_access: str
    history_visibility: str


_COLUMNS: Final = (
    "r.nid, r.room_id, r.version, s.name, s.canonical_alias, s.room_type, s.join_rule, s.encryption,"
    " s.federate, s.joined_members, s.local_joined_members, r.is_published, r.blocked_ts, r.position,"
    " s.guest_access, s.history_visibility"
)
_FROM: Final = " FROM room_summary s JOIN room r ON r.nid = s.room_nid"

# What a filter keeps, by its name.
FILTERS: Final = {
    "all": "1 = 1",
    "public": "s.join_rule = 'public'",
    "private": "s.join_rule <> 'public'",
    "published": "r.is_published",
    "encrypted": "s.encryption IS NOT NULL",
    "spaces": "s.room_type = 'm.space'",
    "empty": "s.local_joined_members = 0",
    "blocked": "r.blocked_ts IS NOT NULL",
}
# What lists are sorted by, by its name.
SORTS: Final = {
    "members": "s.joined_members",
    "local": "s.local_joined_members",
    "activity": "r.position",
    "name": "COALESCE(s.name, s.canonical_alias, r.room_id)",
}


def page(*, kind: str, search: str, sort: str, after: tuple[Any, int] | None, limit: int) -> list[ListedRoom]:
    """Rooms of a filter whose name, alias or ID contains `search`; see `account_list.page`."""
    column = SORTS[sort.removeprefix("-")]
    sign, order = ("<", "DESC") if sort.startswith("-") else (">", "ASC")
    condition, values = _matching(kind, search)
    if after is not None:
        condition += f" AND ({column}, s.room_nid) {sign} (%s, %s)"
        values += [*after]
    sql = f"SELECT {_COLUMNS}{_FROM} WHERE {condition} ORDER BY {column} {order}, s.room_nid {order} LIMIT %s"
    return [ListedRoom(*row) for row in db.rows(sql, (*values, limit))]


def sort_value(room: ListedRoom, sort: str) -> Any:
    """What a room is sorted by."""
    values = {
        "members": room.joined_members,
        "local": room.local_joined_members,
        "activity": room.position,
        "name": room.name or room.canonical_alias or room.room_id,
    }
    return values[sort.removeprefix("-")]


def find(nid: int) -> ListedRoom | None:
    """A room by its nid, or None when nothing is known of it."""
    row = db.row(f"SELECT {_COLUMNS}{_FROM} WHERE s.room_nid = %s", (nid,))
    return ListedRoom(*row) if row else None


def some(nids: Iterable[int]) -> list[ListedRoom]:
    """Some rooms, in the order of their nids; those of which nothing is known are left out."""
    sql = f"SELECT {_COLUMNS}{_FROM} WHERE {db.in_any('s.room_nid')} ORDER BY s.room_nid"
    return [ListedRoom(*row) for row in db.rows(sql, (db.any_of(nids),))]


def count(*, kind: str, search: str = "") -> int:
    """How many rooms a filter keeps."""
    condition, values = _matching(kind, search)
    return int(db.value(f"SELECT count(*){_FROM} WHERE {condition}", values))


def _matching(kind: str, search: str) -> tuple[str, list[Any]]:
    if not search:
        return FILTERS[kind], []
    pattern = "%" + search.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    columns = ("s.name", "s.canonical_alias", "r.room_id")
    either = " OR ".join(f"lower({column}) LIKE %s ESCAPE '\\'" for column in columns)
    return f"{FILTERS[kind]} AND ({either})", [pattern] * len(columns)
