"""What a room weighs, for administrators: counted when a page asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from matrix_app.storage import db
from matrix_app.storage.members import Membership

# Of a bigger room the size is estimated from so many events.
_SAMPLE = 2000
# What indexes and other tables add to the JSON of an event, measured (docs/performance.md).
_OVERHEAD_BYTES = 500


class RoomFigures(NamedTuple):
    """Counts of a room; `bytes` is an estimate of its part of the database."""

    state_events: int
    forward_extremities: int
    events: int
    bytes: int


def figures(room_nid: int) -> RoomFigures:
    """The figures of a room; nothing but the index of its history is read whole."""
    state = int(db.value("SELECT count(*) FROM current_state WHERE room_nid = %s", (room_nid,)))
    ends = int(db.value("SELECT count(*) FROM forward_extremity WHERE room_nid = %s", (room_nid,)))
    counted, total = db.rows(
        "SELECT count(*), COALESCE(sum(length(json)), 0) FROM (SELECT json FROM event WHERE room_nid = %s"
        " ORDER BY depth DESC, nid DESC LIMIT %s) AS latest",
        (room_nid, _SAMPLE),
    )[0]
    events = int(db.value("SELECT count(*) FROM event WHERE room_nid = %s", (room_nid,)))
    average = int(total) // counted + _OVERHEAD_BYTES if counted else 0
    return RoomFigures(state, ends, events, events * average)


def state_entries(room_nids: Iterable[int]) -> dict[int, int]:
    """How many entries the present state of some rooms has."""
    sql = f"SELECT room_nid, count(*) FROM current_state WHERE {db.in_any('room_nid')} GROUP BY room_nid"
    return dict(db.rows(sql, (db.any_of(room_nids),)))


class RoomMember(NamedTuple):
    """A member of a room."""

    user_nid: int
    user_id: str
    membership: Membership
    is_local: bool


def members(room_nid: int, *, after: str, local: bool, limit: int) -> list[RoomMember]:
    """Members of a room (joined, invited, knocking, banned) by user ID, after one; maybe only local ones."""
    sql = (
        "SELECT m.user_nid, u.user_id, m.membership, m.is_local FROM membership m"
        " JOIN matrix_user u ON u.nid = m.user_nid WHERE m.room_nid = %s AND m.membership <> 0"
        " AND u.user_id > %s AND (m.is_local OR NOT %s) ORDER BY u.user_id LIMIT %s"
    )
    found = db.rows(sql, (room_nid, after, local, limit))
    return [RoomMember(nid, user_id, Membership(value), mine) for nid, user_id, value, mine in found]


class Extremity(NamedTuple):
    """A forward extremity of a room."""

    event_id: str
    type: str
    depth: int
    origin_server_ts: int


def extremities(room_nid: int) -> list[Extremity]:
    """The forward extremities of a room, the latest first."""
    sql = (
        "SELECT e.event_id, e.type, e.depth, e.origin_server_ts FROM forward_extremity f"
        " JOIN event e ON e.nid = f.event_nid WHERE f.room_nid = %s ORDER BY e.depth DESC LIMIT 100"
    )
    return [Extremity(*row) for row in db.rows(sql, (room_nid,))]


class StateEntry(NamedTuple):
    """An entry of a room's present state."""

    nid: int
    type: str
    state_key: str
    json: bytes


def state(room_nid: int, *, after: int, limit: int) -> list[StateEntry]:
    """The present state of a room without its members, by key, after one."""
    sql = (
        "SELECT c.key_nid, k.type, k.state_key, e.json FROM current_state c"
        " JOIN state_key k ON k.nid = c.key_nid"
        " JOIN event e ON e.nid = c.event_nid WHERE c.room_nid = %s AND NOT c.is_member AND c.key_nid > %s"
        " ORDER BY c.key_nid LIMIT %s"
    )
    found = db.rows(sql, (room_nid, after, limit))
    return [StateEntry(nid, kind, key, bytes(stored)) for nid, kind, key, stored in found]
