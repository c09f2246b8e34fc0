"""Other servers as administrators see them: whether they answer, and what waits for them."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from matrix_app.storage import db


class ListedServer(NamedTuple):
    """Another server. `waiting_messages` counts messages to devices that it has not taken yet.

    One that answers and takes nothing says so by `refusal`, and is sent nothing until `refused_until_ts`.
    """

    server_nid: int
    name: str
    failing_since_ts: int | None
    retry_at_ts: int
    interval_ms: int
    last_success_ts: int | None
    is_behind: bool
    sent_position: int
    refused_until_ts: int
    refusal: str | None
    shared_rooms: int
    waiting_messages: int


_SELECT: Final = (
    "SELECT s.nid, s.name, d.failing_since_ts, COALESCE(d.retry_at_ts, 0), COALESCE(d.interval_ms, 0),"
    " d.last_success_ts, COALESCE(d.is_behind, %s), COALESCE(d.sent_position, 0),"
    " COALESCE(d.refused_until_ts, 0), d.refusal,"
    " (SELECT count(*) FROM room_server r WHERE r.server_nid = s.nid AND r.joined > 0),"
    " (SELECT count(*) FROM outbound_to_device o WHERE o.server_nid = s.nid)"
    " FROM server s LEFT JOIN destination d ON d.server_nid = s.nid"
)
_KNOWN: Final = (
    "s.name <> %s AND (d.server_nid IS NOT NULL"
    " OR EXISTS (SELECT 1 FROM room_server r WHERE r.server_nid = s.nid AND r.joined > 0))"
)
# What a filter keeps, by its name.
FILTERS: Final = {
    "all": "1 = 1",
    "failing": "(d.failing_since_ts IS NOT NULL OR d.refused_until_ts > 0)",
    "behind": "d.is_behind",
    "well": "d.failing_since_ts IS NULL AND COALESCE(d.refused_until_ts, 0) = 0",
}


def page(local_name: str, *, kind: str, search: str, after: str, limit: int) -> list[ListedServer]:
    """Servers that this one shares rooms with or has spoken to, by name, after one."""
    condition, values = _matching(local_name, kind, search)
    sql = f"{_SELECT} WHERE {condition} AND s.name > %s ORDER BY s.name LIMIT %s"
    return [ListedServer(*row) for row in db.rows(sql, (False, *values, after, limit))]


def count(local_name: str, *, kind: str, search: str = "") -> int:
    """How many servers a filter keeps."""
    condition, values = _matching(local_name, kind, search)
    sql = f"SELECT count(*) FROM server s LEFT JOIN destination d ON d.server_nid = s.nid WHERE {condition}"
    return int(db.value(sql, values))


def find(name: str) -> ListedServer | None:
    """A server by its name, or None when nothing is known of it."""
    row = db.row(f"{_SELECT} WHERE s.name = %s", (False, name))
    return ListedServer(*row) if row else None


def _matching(local_name: str, kind: str, search: str) -> tuple[str, list[Any]]:
    condition, values = f"{_KNOWN} AND {FILTERS[kind]}", [local_name]
    if search:
        pattern = search.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        condition += " AND lower(s.name) LIKE %s ESCAPE '\\'"
        values.append(f"%{pattern}%")
    return condition, values


class SharedRoom(NamedTuple):
    """A room that a server is in."""

    room_nid: int
    room_id: str
    name: str | None
    joined: int


def shared_rooms(server_nid: int, *, after: int, limit: int) -> list[SharedRoom]:
    """The rooms that a server has users in, after one by its nid."""
    sql = (
        "SELECT r.nid, r.room_id, s.name, rs.joined FROM room_server rs JOIN room r ON r.nid = rs.room_nid"
        " LEFT JOIN room_summary s ON s.room_nid = r.nid"
        " WHERE rs.server_nid = %s AND rs.joined > 0 AND rs.room_nid > %s ORDER BY rs.room_nid LIMIT %s"
    )
    return [SharedRoom(*row) for row in db.rows(sql, (server_nid, after, limit))]


class InboundBacklog(NamedTuple):
    """What a server has sent and nobody has judged yet."""

    waiting: int
    oldest_ts: int | None


def inbound_backlog(server_nid: int) -> InboundBacklog:
    """What a server has sent and nobody has judged yet."""
    sql = "SELECT count(*), min(received_ts) FROM staged_pdu WHERE origin_nid = %s"
    return InboundBacklog(*db.rows(sql, (server_nid,))[0])
