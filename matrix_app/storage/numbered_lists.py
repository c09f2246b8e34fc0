"""Lists of accounts, rooms and servers whose pages are found by a number, for the tools made for Synapse.

Those jump to any page and show how many there are; Hearth's own pages go on from the last row instead.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import orjson

from matrix_app.storage import db


class Slice(NamedTuple):
    """Which part of a list is asked for; `order` is a name of the list's orders."""

    offset: int
    limit: int
    order: str
    backwards: bool

    def sql(self, orders: dict[str, str], unique: str) -> str:
        """The end of a statement, whose last parameters are the limit and the offset."""
        way = "DESC" if self.backwards else "ASC"
        return f" ORDER BY {orders[self.order]} {way}, {unique} {way} LIMIT %s OFFSET %s"


class AccountQuery(NamedTuple):
    """Which accounts are asked for: None where both are."""

    user_id: str = ""
    name: str = ""
    guests: bool | None = None
    deactivated: bool | None = None
    admins: bool | None = None
    locked: bool | None = None


class NumberedAccount(NamedTuple):
    """An account of such a list."""

    user_id: str
    display_name: str | None
    avatar_url: str | None
    is_admin: bool
    is_guest: bool
    created_ts: int
    deactivated_ts: int | None
    erased: bool
    locked_ts: int | None
    suspended_ts: int | None
    last_active_ts: int | None


ACCOUNT_ORDERS: Final = {
    "name": "u.user_id",
    "is_guest": "a.is_guest",
    "admin": "a.is_admin",
    "user_type": "u.user_id",
    "deactivated": "a.deactivated_ts IS NOT NULL",
    "shadow_banned": "u.user_id",
    "displayname": "p.value",
    "avatar_url": "v.value",
    "creation_ts": "a.created_ts",
    "last_seen_ts": "COALESCE(a.last_active_ts, 0)",
    "locked": "a.locked_ts IS NOT NULL",
}
_ACCOUNTS: Final = (
    " FROM account a JOIN matrix_user u ON u.nid = a.user_nid"
    " LEFT JOIN profile p ON p.user_nid = a.user_nid AND p.field = 'displayname'"
    " LEFT JOIN profile v ON v.user_nid = a.user_nid AND v.field = 'avatar_url'"
)


def accounts(query: AccountQuery, part: Slice) -> list[NumberedAccount]:
    """A part of the accounts."""
    condition, values = _account_condition(query)
    columns = (
        "u.user_id, p.value, v.value, a.is_admin, a.is_guest, a.created_ts, a.deactivated_ts, a.erased,"
        " a.locked_ts, a.suspended_ts, a.last_active_ts"
    )
    sql = f"SELECT {columns}{_ACCOUNTS} WHERE {condition}{part.sql(ACCOUNT_ORDERS, 'a.user_nid')}"
    return [
        NumberedAccount(user_id, _text(name), _text(avatar), *rest)
        for user_id, name, avatar, *rest in db.rows(sql, (*values, part.limit, part.offset))
    ]


def count_accounts(query: AccountQuery) -> int:
    """How many accounts there are."""
    condition, values = _account_condition(query)
    return int(db.value(f"SELECT count(*){_ACCOUNTS} WHERE {condition}", values))


def _account_condition(query: AccountQuery) -> tuple[str, list[Any]]:
    flags = {
        "a.is_guest": query.guests,
        "(a.deactivated_ts IS NOT NULL)": query.deactivated,
        "a.is_admin": query.admins,
        "(a.locked_ts IS NOT NULL)": query.locked,
    }
    conditions = [
        column if wanted else f"NOT {column}" for column, wanted in flags.items() if wanted is not None
    ]
    values = []
    if query.user_id:
        conditions.append("lower(u.user_id) LIKE %s ESCAPE '\\'")
        values.append(pattern(query.user_id))
    if query.name:
        stored = "p.value" if db.is_sqlite() else "convert_from(p.value, 'UTF8')"
        name = f"lower(CAST({stored} AS TEXT))"
        conditions.append(f"(lower(u.user_id) LIKE %s ESCAPE '\\' OR {name} LIKE %s ESCAPE '\\')")
        values += [pattern(query.name), pattern(query.name)]
    return " AND ".join(conditions) or "1 = 1", values


def pattern(text: str) -> str:
    """What LIKE compares with to find a text anywhere, in small letters."""
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _text(stored: Any) -> str | None:
    value = None if stored is None else orjson.loads(bytes(stored))
    return value if isinstance(value, str) else None


class RoomQuery(NamedTuple):
    """Which rooms are asked for: None where both are."""

    search: str = ""
    public: bool | None = None
    empty: bool | None = None


class NumberedRoom(NamedTuple):
    """A room of such a list."""

    nid: int
    room_id: str
    name: str | None
    canonical_alias: str | None
    topic: str | None
    avatar_url: str | None
    room_type: str | None
    joined_members: int
    local_joined_members: int
    version: str
    creator: str | None
    encryption: str | None
    federate: bool
    is_published: bool
    join_rule: str
    guest_access: str
    history_visibility: str
    state_events: int


_STATE_EVENTS: Final = "(SELECT count(*) FROM current_state c WHERE c.room_nid = r.nid)"
ROOM_ORDERS: Final = {
    "name": "COALESCE(s.name, '')",
    "canonical_alias": "COALESCE(s.canonical_alias, '')",
    "joined_members": "s.joined_members",
    "joined_local_members": "s.local_joined_members",
    "version": "r.version",
    "creator": "COALESCE(u.user_id, '')",
    "encryption": "COALESCE(s.encryption, '')",
    "federatable": "s.federate",
    "public": "r.is_published",
    "join_rules": "s.join_rule",
    "guest_access": "s.guest_access",
    "history_visibility": "s.history_visibility",
    "state_events": _STATE_EVENTS,
}
_ROOMS: Final = (
    " FROM room_summary s JOIN room r ON r.nid = s.room_nid LEFT JOIN matrix_user u ON u.nid = r.creator_nid"
)
_ROOM_COLUMNS: Final = (
    "r.nid, r.room_id, s.name, s.canonical_alias, s.topic, s.avatar_url, s.room_type, s.joined_members,"
    " s.local_joined_members, r.version, u.user_id, s.encryption, s.federate, r.is_published, s.join_rule,"
    f" s.guest_access, s.history_visibility, {_STATE_EVENTS}"
)


def rooms(query: RoomQuery, part: Slice) -> list[NumberedRoom]:
    """A part of the rooms."""
    condition, values = _room_condition(query)
    sql = f"SELECT {_ROOM_COLUMNS}{_ROOMS} WHERE {condition}{part.sql(ROOM_ORDERS, 'r.nid')}"
    return [NumberedRoom(*row) for row in db.rows(sql, (*values, part.limit, part.offset))]


def room(nid: int) -> NumberedRoom | None:
    """A room by its nid, or None when nothing is known of it."""
    found = db.row(f"SELECT {_ROOM_COLUMNS}{_ROOMS} WHERE r.nid = %s", (nid,))
    return NumberedRoom(*found) if found else None


def count_rooms(query: RoomQuery) -> int:
    """How many rooms there are."""
    condition, values = _room_condition(query)
    return int(db.value(f"SELECT count(*){_ROOMS} WHERE {condition}", values))


def _room_condition(query: RoomQuery) -> tuple[str, list[Any]]:
    flags = {"r.is_published": query.public, "(s.joined_members = 0)": query.empty}
    conditions = [
        column if wanted else f"NOT {column}" for column, wanted in flags.items() if wanted is not None
    ]
    values: list[Any] = []
    if query.search:
        columns = ("s.name", "s.canonical_alias", "r.room_id")
        conditions.append(
            "(" + " OR ".join(f"lower({column}) LIKE %s ESCAPE '\\'" for column in columns) + ")"
        )
        values = [pattern(query.search)] * len(columns)
    return " AND ".join(conditions) or "1 = 1", values


SERVER_ORDERS: Final = {
    "destination": "s.name",
    "retry_last_ts": "COALESCE(d.retry_at_ts, 0) - COALESCE(d.interval_ms, 0)",
    "retry_interval": "COALESCE(d.interval_ms, 0)",
    "failure_ts": "COALESCE(d.failing_since_ts, 0)",
    "last_successful_stream_ordering": "COALESCE(d.sent_position, 0)",
}


class NumberedServer(NamedTuple):
    """Another server of such a list."""

    name: str
    failing_since_ts: int | None
    retry_at_ts: int
    interval_ms: int
    sent_position: int | None


_SERVERS: Final = (
    " FROM server s LEFT JOIN destination d ON d.server_nid = s.nid WHERE s.name <> %s AND s.name LIKE %s"
    " ESCAPE '\\' AND (d.server_nid IS NOT NULL"
    " OR EXISTS (SELECT 1 FROM room_server r WHERE r.server_nid = s.nid AND r.joined > 0))"
)


def servers(local_name: str, search: str, part: Slice) -> list[NumberedServer]:
    """A part of the servers that this one shares rooms with or has spoken to."""
    sql = (
        "SELECT s.name, d.failing_since_ts, COALESCE(d.retry_at_ts, 0), COALESCE(d.interval_ms, 0),"
        f" d.sent_position{_SERVERS}{part.sql(SERVER_ORDERS, 's.nid')}"
    )
    return [
        NumberedServer(*row) for row in db.rows(sql, (local_name, pattern(search), part.limit, part.offset))
    ]


def count_servers(local_name: str, search: str) -> int:
    """How many such servers there are."""
    return int(db.value(f"SELECT count(*){_SERVERS}", (local_name, pattern(search))))


def largest_rooms(limit: int) -> list[int]:
    """The nids of the rooms with the most events. Reads an index whole: for a page, not every request."""
    sql = "SELECT room_nid FROM event GROUP BY room_nid ORDER BY count(*) DESC, room_nid LIMIT %s"
    return [row[0] for row in db.rows(sql, (limit,))]


def rooms_of_server(server_nid: int, part: Slice) -> list[tuple[int, str]]:
    """A part of the rooms that a server has users in: nids and IDs, by ID."""
    sql = (
        "SELECT r.nid, r.room_id FROM room_server rs JOIN room r ON r.nid = rs.room_nid"
        f" WHERE rs.server_nid = %s AND rs.joined > 0{part.sql({'room_id': 'r.room_id'}, 'r.nid')}"
    )
    return [(nid, room_id) for nid, room_id in db.rows(sql, (server_nid, part.limit, part.offset))]
