"""Moderation policy lists that this server follows, and whom they were found to mean here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import orjson

from matrix_app.storage import db, interning, state


class ListRow(NamedTuple):
    """A list; `room_nid` and `state_nid` are None while its room is not here."""

    nid: int
    room_id: str
    alias: str
    via: list[str]
    is_own: bool
    enabled: bool
    block_users: bool
    block_rooms: bool
    block_servers: bool
    added_ts: int
    refused: int
    refused_ts: int | None
    matched_ts: int | None
    end_invites: bool
    ended_state_nid: int | None
    room_nid: int | None
    state_nid: int | None


class Match(NamedTuple):
    """Somebody or something that a rule means."""

    kind: str
    entity: str
    rule: str
    reason: str
    rooms: int


_OWN = ListRow._fields[:-2]
_SELECT = (
    f"SELECT {', '.join('l.' + name for name in _OWN)}, r.nid, r.state_nid FROM policy_list l"
    " LEFT JOIN room r ON r.room_id = l.room_id"
)


def everything() -> list[ListRow]:
    """All lists, in the order in which they were added."""
    return [_row(found) for found in db.rows(f"{_SELECT} ORDER BY l.nid")]


def enabled() -> list[ListRow]:
    """Those that are applied and whose rules are here."""
    sql = f"{_SELECT} WHERE l.enabled = %s AND r.state_nid IS NOT NULL ORDER BY l.nid"
    return [_row(found) for found in db.rows(sql, (True,))]


def get(nid: int) -> ListRow | None:
    """A list, or None."""
    found = db.row(f"{_SELECT} WHERE l.nid = %s", (nid,))
    return _row(found) if found else None


def own() -> ListRow | None:
    """This server's own list, or None."""
    found = db.row(f"{_SELECT} WHERE l.is_own ORDER BY l.nid LIMIT 1")
    return _row(found) if found else None


def insert(room_id: str, alias: str, via: Sequence[str], now: int, *, is_own: bool) -> int | None:
    """Follow a list; its nid, or None when that is so already."""
    sql = (
        "INSERT INTO policy_list (room_id, alias, via, is_own, enabled, block_users, block_rooms,"
        " block_servers, added_ts, refused) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 0)"
        " ON CONFLICT (room_id) DO NOTHING RETURNING nid"
    )
    values = (room_id, alias, orjson.dumps(list(via)), is_own, False, True, True, True, now)
    found: int | None = db.value(sql, values)
    return found


class Applied(NamedTuple):
    """Whether a list is applied, which of its rules are, and whether invites that wait are taken back."""

    enabled: bool
    users: bool
    rooms: bool
    servers: bool
    end_invites: bool = False


def configure(nid: int, wanted: Applied) -> None:
    """Say what is applied of a list; invites that wait are to be looked at again."""
    sql = (
        "UPDATE policy_list SET enabled = %s, block_users = %s, block_rooms = %s, block_servers = %s,"
        " end_invites = %s, ended_state_nid = NULL WHERE nid = %s"
    )
    db.execute(sql, (*wanted, nid))


def note_ended(nid: int, state_nid: int) -> None:
    """Note that invites which wait have been looked at by the rules of a state of the list's room."""
    db.execute("UPDATE policy_list SET ended_state_nid = %s WHERE nid = %s", (state_nid, nid))


def count_refusal(nid: int, now: int) -> None:
    """Note that something was refused because of a list."""
    db.execute("UPDATE policy_list SET refused = refused + 1, refused_ts = %s WHERE nid = %s", (now, nid))


def delete(nid: int) -> None:
    """Follow a list no longer."""
    db.execute("DELETE FROM policy_match WHERE list_nid = %s", (nid,))
    db.execute("DELETE FROM policy_list WHERE nid = %s", (nid,))


def entries(state_nid: int, types: Sequence[str]) -> list[int]:
    """The events of some types in a snapshot of a room's state."""
    snapshot = state.load(state_nid)
    keys = {nid for name in types for nid in interning.keys_of_type(name).values()}
    return [event_nid for key_nid, event_nid in snapshot.items() if key_nid in keys]


def begin_matches(nid: int) -> None:
    """Forget whom a list was found to mean."""
    db.execute("DELETE FROM policy_match WHERE list_nid = %s", (nid,))


def add_matches(nid: int, found: Sequence[Match]) -> None:
    """Note whom a list means."""
    sql = (
        "INSERT INTO policy_match (list_nid, kind, entity, rule, reason, rooms) VALUES {values}"
        " ON CONFLICT DO NOTHING"
    )
    db.insert_many(sql, 6, [(nid, *match) for match in found])


def end_matches(nid: int, now: int) -> None:
    """Note when it was looked at whom a list means."""
    db.execute("UPDATE policy_list SET matched_ts = %s WHERE nid = %s", (now, nid))


def count_matches(nid: int) -> dict[str, int]:
    """How many users, servers and rooms a list was found to mean."""
    sql = "SELECT kind, count(*) FROM policy_match WHERE list_nid = %s GROUP BY kind"
    return dict(db.rows(sql, (nid,)))


def matches(nid: int, after: tuple[str, str], limit: int) -> list[Match]:
    """Whom a list was found to mean, by kind and name, behind one."""
    sql = (
        "SELECT kind, entity, rule, reason, rooms FROM policy_match WHERE list_nid = %s"
        " AND (kind, entity) > (%s, %s) ORDER BY kind, entity LIMIT %s"
    )
    return [Match(*found) for found in db.rows(sql, (nid, *after, limit))]


class WaitingInvite(NamedTuple):
    """An invite of a user of this server that they have not answered."""

    user_nid: int
    room_nid: int
    user_id: str
    room_id: str
    sender: str


def invites_after(user_nid: int, room_nid: int, limit: int) -> list[WaitingInvite]:
    """Invites that wait for users of this server, by user and room, behind one."""
    sql = (
        "SELECT m.user_nid, m.room_nid, u.user_id, r.room_id, s.user_id FROM account a"
        " JOIN membership m ON m.user_nid = a.user_nid AND m.membership = 1"
        " JOIN matrix_user u ON u.nid = m.user_nid JOIN matrix_user s ON s.nid = m.sender_nid"
        " JOIN room r ON r.nid = m.room_nid"
        " WHERE a.user_nid >= %s AND (a.user_nid > %s OR m.room_nid > %s)"
        " ORDER BY a.user_nid, m.room_nid LIMIT %s"
    )
    return [WaitingInvite(*found) for found in db.rows(sql, (user_nid, user_nid, room_nid, limit))]


def inviters_after(nid: int, limit: int) -> list[tuple[int, str, int]]:
    """Who has sent invites that wait here, with how many, by nid, behind one."""
    return _counted("matrix_user", "user_id", "sender_nid", nid, limit)


def invited_rooms_after(nid: int, limit: int) -> list[tuple[int, str, int]]:
    """Rooms to which invites lead that wait here, with how many, by nid, behind one."""
    return _counted("room", "room_id", "room_nid", nid, limit)


def _counted(table: str, name: str, column: str, nid: int, limit: int) -> list[tuple[int, str, int]]:
    sql = (
        f"SELECT t.nid, t.{name}, count(*) FROM account a"
        " JOIN membership m ON m.user_nid = a.user_nid AND m.membership = 1"
        f" JOIN {table} t ON t.nid = m.{column}"
        f" WHERE t.nid > %s GROUP BY t.nid, t.{name} ORDER BY t.nid LIMIT %s"
    )
    return [(found, entity, count) for found, entity, count in db.rows(sql, (nid, limit))]


def users_after(nid: int, limit: int) -> list[tuple[int, str]]:
    """Users that are known here, by nid, behind one."""
    return _pairs("SELECT nid, user_id FROM matrix_user WHERE nid > %s ORDER BY nid LIMIT %s", nid, limit)


def servers_after(nid: int, limit: int) -> list[tuple[int, str]]:
    """Servers that are known here, by nid, behind one."""
    return _pairs("SELECT nid, name FROM server WHERE nid > %s ORDER BY nid LIMIT %s", nid, limit)


def rooms_after(nid: int, limit: int) -> list[tuple[int, str, str | None]]:
    """Rooms with users of this server, with their main aliases, by nid, behind one."""
    sql = (
        "SELECT r.nid, r.room_id, s.canonical_alias FROM room r JOIN room_summary s ON s.room_nid = r.nid"
        " WHERE r.nid > %s AND s.local_joined_members > 0 ORDER BY r.nid LIMIT %s"
    )
    return [(room, room_id, alias) for room, room_id, alias in db.rows(sql, (nid, limit))]


def rooms_of_user(user_nid: int) -> int:
    """How many rooms with users of this server a user is in."""
    sql = (
        "SELECT count(*) FROM membership m JOIN room_summary s ON s.room_nid = m.room_nid"
        " WHERE m.user_nid = %s AND m.membership = 2 AND s.local_joined_members > 0"
    )
    return int(db.value(sql, (user_nid,)))


def rooms_of_server(server_nid: int) -> int:
    """How many rooms with users of this server a server is in."""
    sql = (
        "SELECT count(*) FROM room_server rs JOIN room_summary s ON s.room_nid = rs.room_nid"
        " WHERE rs.server_nid = %s AND rs.joined > 0 AND s.local_joined_members > 0"
    )
    return int(db.value(sql, (server_nid,)))


def _pairs(sql: str, nid: int, limit: int) -> list[tuple[int, str]]:
    return [(found, name) for found, name in db.rows(sql, (nid, limit))]


def _row(found: db.Row) -> ListRow:
    row = ListRow(*found)
    return row._replace(via=orjson.loads(found[3]))
