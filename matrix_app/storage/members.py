"""Who is in which room: the present memberships, and counts per room and server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum
from typing import NamedTuple

from matrix_app.storage import db


class Membership(IntEnum):
    """The values of `membership`, as stored."""

    LEAVE = 0
    INVITE = 1
    JOIN = 2
    KNOCK = 3
    BAN = 4

    @classmethod
    def of(cls, name: str) -> Membership:
        """The member named as in events; raises KeyError for another name."""
        return cls[name.upper()]

    @property
    def word(self) -> str:
        """The specification's word."""
        return self.name.lower()


class MemberRow(NamedTuple):
    """A user's present membership of a room."""

    room_nid: int
    user_nid: int
    membership: int
    event_nid: int
    sender_nid: int
    is_local: bool
    forgotten: bool
    position: int
    changed_position: int


_COLUMNS = ", ".join(MemberRow._fields)
_M_COLUMNS = ", ".join(f"m.{field}" for field in MemberRow._fields)
_HAS_CUSTOM_PUSH = (
    "(EXISTS (SELECT 1 FROM push_rules WHERE user_nid = %s) OR EXISTS (SELECT 1 FROM account_data"
    " WHERE user_nid = %s AND room_nid = 0 AND type = 'm.ignored_user_list'))"
)


def get(room_nid: int, user_nid: int) -> MemberRow | None:
    """The membership of one user, or None when there never was one."""
    sql = f"SELECT {_COLUMNS} FROM membership WHERE room_nid = %s AND user_nid = %s"
    found = db.row(sql, (room_nid, user_nid))
    return MemberRow(*found) if found else None


def get_many(room_nid: int, user_nids: Iterable[int]) -> dict[int, MemberRow]:
    """The memberships of some users."""
    sql = f"SELECT {_COLUMNS} FROM membership WHERE room_nid = %s AND {db.in_any('user_nid')}"
    return {found[1]: MemberRow(*found) for found in db.rows(sql, (room_nid, db.any_of(user_nids)))}


def events_of_pairs(pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """The nids of the member events of (room, user) pairs, for those that there are."""
    if not pairs:
        return {}
    sql = (
        f"SELECT m.room_nid, m.user_nid, m.event_nid FROM {db.pairs()} CROSS JOIN membership m"
        " WHERE m.room_nid = pair.a AND m.user_nid = pair.b"
    )
    return {(room, user): event for room, user, event in db.rows(sql, (db.pairs_of(pairs),))}


def in_rooms(user_nid: int, room_nids: Iterable[int]) -> dict[int, MemberRow]:
    """A user's memberships of some rooms, by room."""
    sql = f"SELECT {_COLUMNS} FROM membership WHERE user_nid = %s AND {db.in_any('room_nid')}"
    return {found[0]: MemberRow(*found) for found in db.rows(sql, (user_nid, db.any_of(room_nids)))}


def of_user(user_nid: int, memberships: Iterable[Membership]) -> list[MemberRow]:
    """A user's rooms with one of the memberships; forgotten ones too."""
    sql = f"SELECT {_COLUMNS} FROM membership WHERE user_nid = %s AND {db.in_any('membership')}"
    return [MemberRow(*found) for found in db.rows(sql, (user_nid, db.any_of(int(m) for m in memberships)))]


def of_user_since(user_nid: int, position: int) -> list[MemberRow]:
    """A local user's memberships that changed after `position`."""
    sql = f"SELECT {_COLUMNS} FROM membership WHERE user_nid = %s AND position > %s AND is_local"
    return [MemberRow(*found) for found in db.rows(sql, (user_nid, position))]


def joined_rooms(user_nid: int) -> list[int]:
    """The nids of the rooms that a user is joined to."""
    sql = "SELECT room_nid FROM membership WHERE user_nid = %s AND membership = 2"
    return [found[0] for found in db.rows(sql, (user_nid,))]


def in_room(room_nid: int, memberships: Iterable[Membership]) -> list[MemberRow]:
    """Everybody with one of the memberships of a room."""
    sql = f"SELECT {_COLUMNS} FROM membership WHERE room_nid = %s AND {db.in_any('membership')}"
    return [MemberRow(*found) for found in db.rows(sql, (room_nid, db.any_of(int(m) for m in memberships)))]


def local_joined(room_nid: int) -> list[int]:
    """The nids of the local users who are joined to a room."""
    sql = "SELECT user_nid FROM membership WHERE room_nid = %s AND membership = 2 AND is_local = %s"
    return [found[0] for found in db.rows(sql, (room_nid, True))]


def sharing_rooms(user_nid: int) -> list[int]:
    """The nids of users who are joined to a room that this user is joined to; the user too."""
    sql = (
        "SELECT DISTINCT other.user_nid FROM membership mine JOIN membership other"
        " ON other.room_nid = mine.room_nid AND other.membership = 2"
        " WHERE mine.user_nid = %s AND mine.membership = 2"
    )
    return [found[0] for found in db.rows(sql, (user_nid,))]


def sharing_encrypted_rooms(user_nid: int) -> list[int]:
    """The nids of users who are joined or invited to an encrypted room that this user is joined to."""
    sql = (
        "SELECT DISTINCT other.user_nid FROM membership mine"
        " JOIN room_summary s ON s.room_nid = mine.room_nid AND s.encryption IS NOT NULL"
        " JOIN membership other ON other.room_nid = mine.room_nid AND other.membership IN (1, 2)"
        " WHERE mine.user_nid = %s AND mine.membership = 2"
    )
    return [found[0] for found in db.rows(sql, (user_nid,))]


def shared_rooms(user_nid: int, other_nid: int) -> list[int]:
    """The nids of the rooms that two users are joined to, in order."""
    sql = (
        "SELECT mine.room_nid FROM membership mine JOIN membership other ON other.room_nid = mine.room_nid"
        " WHERE mine.user_nid = %s AND mine.membership = 2 AND other.user_nid = %s AND other.membership = 2"
        " ORDER BY mine.room_nid"
    )
    return [found[0] for found in db.rows(sql, (user_nid, other_nid))]


def shares_room(user_nid: int, other_nid: int) -> bool:
    """Whether two users are joined to a common room."""
    sql = (
        "SELECT 1 FROM membership mine JOIN membership other ON other.room_nid = mine.room_nid"
        " WHERE mine.user_nid = %s AND mine.membership = 2"
        " AND other.user_nid = %s AND other.membership = 2 LIMIT 1"
    )
    return db.value(sql, (user_nid, other_nid)) is not None


def put(row: MemberRow) -> None:
    """Store a membership; a new membership event makes a forgotten room remembered."""
    sql = (
        f"INSERT INTO membership ({_COLUMNS}, custom_push) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s,"
        f" {_HAS_CUSTOM_PUSH}) ON CONFLICT (room_nid, user_nid)"
        " DO UPDATE SET membership = excluded.membership,"
        " event_nid = excluded.event_nid, sender_nid = excluded.sender_nid, forgotten = excluded.forgotten,"
        " position = excluded.position, changed_position = excluded.changed_position"
    )
    db.execute(sql, (*row, row.user_nid, row.user_nid))


def forget(room_nid: int, user_nid: int) -> None:
    """Mark a room as forgotten by a user."""
    sql = "UPDATE membership SET forgotten = %s WHERE room_nid = %s AND user_nid = %s"
    db.execute(sql, (True, room_nid, user_nid))


def forget_all(room_nid: int) -> None:
    """Mark a room as forgotten by all local users who are not in it."""
    sql = (
        "UPDATE membership SET forgotten = %s WHERE room_nid = %s AND is_local = %s AND membership IN (0, 4)"
    )
    db.execute(sql, (True, room_nid, True))


def count_server(room_nid: int, server_nid: int, difference: int) -> None:
    """Count a member of a server in or out."""
    sql = (
        "INSERT INTO room_server (room_nid, server_nid, joined) VALUES (%s, %s, %s)"
        " ON CONFLICT (room_nid, server_nid) DO UPDATE SET joined = room_server.joined + excluded.joined"
    )
    db.execute(sql, (room_nid, server_nid, difference))


def servers_in(room_nid: int) -> list[str]:
    """The names of the servers with a joined user, most users first."""
    sql = (
        "SELECT s.name FROM room_server r JOIN server s ON s.nid = r.server_nid"
        " WHERE r.room_nid = %s AND r.joined > 0 ORDER BY r.joined DESC"
    )
    return [found[0] for found in db.rows(sql, (room_nid,))]


def count_servers(room_nid: int) -> int:
    """How many servers have a joined user."""
    return int(db.value("SELECT count(*) FROM room_server WHERE room_nid = %s AND joined > 0", (room_nid,)))


def is_server_in(room_nid: int, server_name: str) -> bool:
    """Whether a user of a server is joined to a room."""
    sql = (
        "SELECT 1 FROM server s JOIN room_server r ON r.server_nid = s.nid AND r.room_nid = %s"
        " WHERE s.name = %s AND r.joined > 0"
    )
    return db.value(sql, (room_nid, server_name)) is not None


def has_users_of(room_nid: int, server_name: str) -> bool:
    """Whether a user of a server is joined to a room or invited to it."""
    sql = (
        "SELECT 1 FROM membership m JOIN matrix_user u ON u.nid = m.user_nid"
        " JOIN server s ON s.nid = u.server_nid WHERE m.room_nid = %s AND m.membership IN (1, 2)"
        " AND m.is_local = %s AND s.name = %s LIMIT 1"
    )
    return is_server_in(room_nid, server_name) or db.value(sql, (room_nid, False, server_name)) is not None


def users_of_server(room_nid: int, server_name: str, limit: int) -> list[str]:
    """The IDs of users of a server who have a membership of a room, the joined ones first."""
    sql = (
        "SELECT u.user_id FROM membership m JOIN matrix_user u ON u.nid = m.user_nid"
        " JOIN server s ON s.nid = u.server_nid WHERE m.room_nid = %s AND s.name = %s"
        " ORDER BY CASE WHEN m.membership = 2 THEN 0 ELSE 1 END, u.nid LIMIT %s"
    )
    return [found[0] for found in db.rows(sql, (room_nid, server_name, limit))]


def custom_push_users(room_nid: int) -> list[int]:
    """The local users joined to a room who have push rules of their own, or ignore somebody."""
    sql = "SELECT user_nid FROM membership WHERE room_nid = %s AND custom_push AND membership = 2"
    return [found[0] for found in db.rows(sql, (room_nid,))]


def note_custom_push(user_nid: int) -> None:
    """Note whether a user has push rules of their own or ignores somebody, for their memberships."""
    sql = f"UPDATE membership SET custom_push = {_HAS_CUSTOM_PUSH} WHERE user_nid = %s"
    db.execute(sql, (user_nid, user_nid, user_nid))


def earliest(room_nid: int, but_nid: int, memberships: Iterable[int], limit: int) -> list[int]:
    """The users who have had one of the memberships for longest, without one of them."""
    sql = (
        f"SELECT user_nid FROM membership WHERE room_nid = %s AND {db.in_any('membership')}"
        " AND user_nid <> %s"
        " ORDER BY changed_position, user_nid LIMIT %s"
    )
    return [found[0] for found in db.rows(sql, (room_nid, db.any_of(memberships), but_nid, limit))]


def changed_between(room_nids: Iterable[int], after: int, upto: int) -> list[MemberRow]:
    """The members of rooms whose membership became another with after < position <= upto."""
    sql = (
        f"SELECT DISTINCT {_M_COLUMNS} FROM current_state_delta d"
        " JOIN state_key k ON k.nid = d.key_nid AND k.type = 'm.room.member'"
        " JOIN matrix_user u ON u.user_id = k.state_key"
        " JOIN membership m ON m.room_nid = d.room_nid AND m.user_nid = u.nid"
        f" WHERE {db.in_any('d.room_nid')} AND d.position > %s AND d.position <= %s"
        " AND m.changed_position > %s"
    )
    return [MemberRow(*found) for found in db.rows(sql, (db.any_of(room_nids), after, upto, after))]


def sharing_among(user_nid: int, others: Iterable[int]) -> list[int]:
    """Those of the other users who are joined or invited to a room that this user is joined to."""
    sql = (
        "SELECT DISTINCT other.user_nid FROM membership other JOIN membership mine"
        " ON mine.room_nid = other.room_nid AND mine.membership = 2 AND mine.user_nid = %s"
        f" WHERE other.membership IN (1, 2) AND {db.in_any('other.user_nid')}"
    )
    return [found[0] for found in db.rows(sql, (user_nid, db.any_of(others)))]


def devices_of(room_nid: int) -> int:
    """How many devices the users of this server have who are joined to a room."""
    sql = (
        "SELECT count(*) FROM membership m JOIN device d ON d.user_nid = m.user_nid"
        " WHERE m.room_nid = %s AND m.membership = 2 AND m.is_local"
    )
    return int(db.value(sql, (room_nid,)))


def is_remembered(room_nid: int) -> bool:
    """Whether a user of this server has to do with a room and has not forgotten it."""
    sql = "SELECT 1 FROM membership WHERE room_nid = %s AND is_local AND NOT forgotten LIMIT 1"
    return db.value(sql, (room_nid,)) is not None
