"""What other servers are to be sent, and how far the sender has come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson

from matrix_app.protocol.ids import is_user_id
from matrix_app.storage import db, interning, outbound_devices
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.outbound_devices import OwedDevice, OwedList


class OwedEvent(NamedTuple):
    """An event that this server brings to the others of its room."""

    nid: int
    room_nid: int
    position: int
    type: str
    # The server that handed it in and has it already; 0 for this one's own.
    origin_nid: int


class MemberDelta(NamedTuple):
    """A change in the membership of a user: the events before and after."""

    position: int
    user_id: str
    event_nid: int | None
    previous_event_nid: int | None


_EVENT = (
    "SELECT e.nid, e.room_nid, e.position, e.type,"
    " CASE WHEN u.is_local OR r.to_sender THEN 0 ELSE u.server_nid END"
    " FROM event e JOIN matrix_user u ON u.nid = e.sender_nid"
    " LEFT JOIN relayed_event r ON r.event_nid = e.nid"
)
_OWED_AT = _EVENT + " WHERE {positions}"
_OWED = (
    _EVENT + " WHERE {rooms} AND e.position > %s AND e.position <= %s AND e.position IS NOT NULL"
    " AND e.status = 0 AND NOT e.is_outlier AND (u.is_local OR r.event_nid IS NOT NULL)"
)
_HANDED_IN = "NOT u.is_local AND NOT r.to_sender AND u.server_nid = %s"

_FORWARD = (
    "sent_position = CASE WHEN excluded.sent_position > destination.sent_position"
    " THEN excluded.sent_position ELSE destination.sent_position END"
)
_BACK = (
    "sent_position = CASE WHEN excluded.sent_position < destination.sent_position"
    " THEN excluded.sent_position ELSE destination.sent_position END"
)
_SERVERS_AND_DELTAS = (
    "SELECT 0 AS is_delta, server_nid AS place, joined, NULL, NULL, NULL FROM room_server WHERE room_nid = %s"
    " UNION ALL"
    " SELECT 1, d.position, NULL, k.state_key, d.event_nid, d.previous_event_nid FROM current_state_delta d"
    " JOIN state_key k ON k.nid = d.key_nid"
    " WHERE d.room_nid = %s AND d.position >= %s AND k.type = 'm.room.member'"
    " ORDER BY is_delta, place DESC"
)

Owed = OwedEvent | OwedDevice | OwedList
# How one is noted that departs: by its position, and by its user where that is not enough.
Mark = int | tuple[int, int]


class Flight(NamedTuple):
    """A transaction on its way to a server, which may or may not have arrived."""

    txn_id: str
    owed: list[Owed]


def progress() -> tuple[int, int] | None:
    """How far everything has been sent or noted, and when that was said; None before the first time."""
    found = db.row("SELECT position, seen_ts FROM sender_progress WHERE nid = 1")
    return (int(found[0]), int(found[1])) if found else None


def put_progress(position: int) -> None:
    """Everything up to `position` has been sent, or its destinations are marked as behind."""
    sql = (
        "INSERT INTO sender_progress (nid, position, seen_ts) VALUES (1, %s, %s)"
        " ON CONFLICT (nid) DO UPDATE SET position = excluded.position, seen_ts = excluded.seen_ts"
    )
    db.execute(sql, (position, now_ms()))


def put_sent(positions: Mapping[int, tuple[int, bool]]) -> None:
    """By server: up to where it has got everything (which never goes back), and whether it is behind."""
    sql = (
        "INSERT INTO destination (server_nid, retry_at_ts, interval_ms, sent_position, is_behind)"
        f" VALUES {{values}} ON CONFLICT (server_nid) DO UPDATE SET {_FORWARD},"
        " is_behind = excluded.is_behind"
    )
    rows = [(nid, 0, 0, position, behind) for nid, (position, behind) in positions.items()]
    db.insert_many(sql, 5, rows)


def put_flight(server_nid: int, sent: int, txn_id: str, owed: Sequence[Owed]) -> None:
    """A server has got everything up to `sent`, and a transaction departs with what it is owed."""
    marks: list[Mark] = [
        (item.position, item.user_nid) if isinstance(item, OwedList) else item.position for item in owed
    ]
    sql = (
        "INSERT INTO destination (server_nid, retry_at_ts, interval_ms, sent_position, is_behind,"
        " flight_txn_id, flight_positions) VALUES (%s, 0, 0, %s, %s, %s, %s)"
        f" ON CONFLICT (server_nid) DO UPDATE SET {_FORWARD}, flight_txn_id = excluded.flight_txn_id,"
        " flight_positions = excluded.flight_positions"
    )
    db.execute(sql, (server_nid, sent, False, txn_id, orjson.dumps(marks).decode()))


def end_flights(landed: Mapping[int, str]) -> None:
    """By server: it is known what became of a transaction."""
    sql = (
        "UPDATE destination SET flight_txn_id = NULL, flight_positions = NULL"
        " WHERE server_nid = %s AND flight_txn_id = %s"
    )
    for server_nid, txn_id in landed.items():
        db.execute(sql, (server_nid, txn_id))


def flights() -> dict[int, Flight]:
    """By server: the transactions of which it is not known whether they arrived."""
    sql = (
        "SELECT server_nid, flight_txn_id, flight_positions FROM destination WHERE flight_txn_id IS NOT NULL"
    )
    return {nid: Flight(txn_id, _owed_at(orjson.loads(found))) for nid, txn_id, found in db.rows(sql)}


def _owed_at(marks: Sequence[int | list[int]]) -> list[Owed]:
    positions = [mark for mark in marks if isinstance(mark, int)]
    found: list[Owed] = [
        OwedEvent(*row)
        for row in db.rows(_OWED_AT.format(positions=db.in_any("e.position")), (db.any_of(positions),))
    ]
    found += outbound_devices.at(positions)
    found += [OwedList(*mark) for mark in marks if not isinstance(mark, int)]
    return sorted(found, key=lambda item: item.position)


def sent_after(position: int) -> dict[int, int]:
    """The servers that have got more than everything up to `position`, and up to where."""
    sql = "SELECT server_nid, sent_position FROM destination WHERE sent_position > %s AND NOT is_behind"
    return dict(db.rows(sql, (position,)))


def behind() -> set[int]:
    """The servers that have been left behind."""
    return {found[0] for found in db.rows("SELECT server_nid FROM destination WHERE is_behind")}


class Due(NamedTuple):
    """A server that is behind and may be asked again."""

    server_nid: int
    sent: int
    refuses: bool


def due(now: int, limit: int) -> list[Due]:
    """Servers that are behind and may be asked again; who waits longest first."""
    sql = (
        "SELECT server_nid, sent_position, refusals > 0 FROM destination"
        " WHERE is_behind AND retry_at_ts <= %s AND refused_until_ts <= %s"
        " ORDER BY retry_at_ts, server_nid LIMIT %s"
    )
    return [Due(nid, sent, bool(refuses)) for nid, sent, refuses in db.rows(sql, (now, now, limit))]


def leave_all_behind(position: int) -> None:
    """Servers that share a room with this one have got what came up to `position`, and may lack the rest."""
    sql = (
        "INSERT INTO destination (server_nid, retry_at_ts, interval_ms, sent_position, is_behind)"
        f" VALUES {{values}} ON CONFLICT (server_nid) DO UPDATE SET {_FORWARD},"
        " is_behind = excluded.is_behind WHERE NOT destination.is_behind"
    )
    db.insert_many(sql, 5, [(nid, 0, 0, position, True) for nid in sorted(servers_elsewhere())])


def set_back(since: Mapping[int, int]) -> None:
    """By server: it lacks something of what came after a position, though it may have got more than that.

    What is on its way to it no longer counts.
    """
    sql = (
        "INSERT INTO destination (server_nid, retry_at_ts, interval_ms, sent_position, is_behind)"
        f" VALUES {{values}} ON CONFLICT (server_nid) DO UPDATE SET {_BACK},"
        " is_behind = excluded.is_behind, flight_txn_id = NULL, flight_positions = NULL"
    )
    db.insert_many(sql, 5, [(nid, 0, 0, position, True) for nid, position in sorted(since.items())])


def server_names(nids: Iterable[int]) -> dict[int, str]:
    """The names of servers."""
    return dict(db.rows(f"SELECT nid, name FROM server WHERE {db.in_any('nid')}", (db.any_of(nids),)))


def owed_events(room_nids: Iterable[int], after: int, upto: int) -> list[OwedEvent]:
    """Events of rooms with after < position <= upto that this server has to send, in order."""
    sql = _OWED.format(rooms=db.in_any("e.room_nid")) + " ORDER BY e.position"
    return [OwedEvent(*found) for found in db.rows(sql, (db.any_of(room_nids), after, upto))]


def latest_owed(room_nid: int, server_nid: int, after: int, upto: int) -> OwedEvent | None:
    """The last event of a room with after < position <= upto that a server has to be sent from here.

    What the server has handed in itself does not count, so that it hides nothing that came before.
    """
    sql = _OWED.format(rooms="e.room_nid = %s") + f" AND NOT ({_HANDED_IN}) ORDER BY e.position DESC LIMIT 1"
    found = db.row(sql, (room_nid, after, upto, server_nid))
    return OwedEvent(*found) if found else None


def joined_servers(room_nids: Iterable[int]) -> dict[int, dict[int, int]]:
    """By room and server: how many users of the server are joined now."""
    sql = f"SELECT room_nid, server_nid, joined FROM room_server WHERE {db.in_any('room_nid')}"
    counts: dict[int, dict[int, int]] = {}
    for room_nid, server_nid, joined in db.rows(sql, (db.any_of(room_nids),)):
        counts.setdefault(room_nid, {})[server_nid] = joined
    return counts


def servers_and_deltas(room_nid: int, since: int) -> tuple[dict[int, int], list[MemberDelta]]:
    """How many users of each server are joined now, and the changes with position >= since, newest first.

    One statement tells both: who counts back from now must not miss a change, nor undo one that came later.
    """
    found = db.rows(_SERVERS_AND_DELTAS, (room_nid, room_nid, since))
    joined = {nid: int(count) for is_delta, nid, count, *_ in found if not is_delta}
    deltas = [
        MemberDelta(at, user_id, *nids)
        for is_delta, at, _, user_id, *nids in found
        if is_delta and is_user_id(user_id)
    ]
    return joined, deltas


def servers_elsewhere() -> set[int]:
    """The other servers that share a room with this one."""
    sql = "SELECT DISTINCT server_nid FROM room_server WHERE joined > 0"
    local = interning.server_nid(local_server_name())
    return {found[0] for found in db.rows(sql)} - {local}


def servers_seeing(user_nids: Iterable[int]) -> dict[int, list[int]]:
    """By user: the servers with somebody in a room that the user is joined to."""
    sql = (
        "SELECT DISTINCT m.user_nid, s.server_nid FROM membership m"
        " JOIN room_server s ON s.room_nid = m.room_nid"
        f" WHERE {db.in_any('m.user_nid')} AND m.membership = 2 AND s.joined > 0"
    )
    seeing: dict[int, list[int]] = {}
    for user_nid, server_nid in db.rows(sql, (db.any_of(user_nids),)):
        seeing.setdefault(user_nid, []).append(server_nid)
    return seeing


def local_among(user_nids: Iterable[int]) -> set[int]:
    """Those of the users who are of this server."""
    sql = f"SELECT nid FROM matrix_user WHERE {db.in_any('nid')} AND is_local"
    return {found[0] for found in db.rows(sql, (db.any_of(user_nids),))}


def rooms_moved(server_nid: int, since: int) -> list[tuple[int, bool]]:
    """Rooms that the server is or was in with events after `since`, and whether it is in them now."""
    sql = (
        "SELECT r.nid, s.joined > 0 FROM room_server s JOIN room r ON r.nid = s.room_nid"
        " WHERE s.server_nid = %s AND r.position > %s"
    )
    return [(found[0], bool(found[1])) for found in db.rows(sql, (server_nid, since))]


def joined_since(room_nid: int, server_nid: int) -> int:
    """Since which position somebody of the server is joined to the room."""
    sql = (
        "SELECT min(m.changed_position) FROM membership m JOIN matrix_user u ON u.nid = m.user_nid"
        " WHERE m.room_nid = %s AND m.membership = 2 AND u.server_nid = %s"
    )
    return int(db.value(sql, (room_nid, server_nid)) or 0)


def left_at(room_nid: int, server_nid: int) -> int:
    """The position at which the last user of a server left the room that nobody of it is in."""
    sql = (
        "SELECT max(m.changed_position) FROM membership m JOIN matrix_user u ON u.nid = m.user_nid"
        " WHERE m.room_nid = %s AND m.membership IN (0, 4) AND u.server_nid = %s"
    )
    return int(db.value(sql, (room_nid, server_nid)) or 0)
