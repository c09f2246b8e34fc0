"""PDUs that other servers have sent and that wait to be judged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matrix_app.storage import db


class StagedRow(NamedTuple):
    """A PDU that waits; `origin` is the server that sent it."""

    nid: int
    room_nid: int
    origin: str
    event_id: str
    json: bytes
    received_ts: int
    attempts: int


class NewPdu(NamedTuple):
    """A PDU that was accepted."""

    room_nid: int
    origin_nid: int
    event_id: str
    json: bytes
    received_ts: int
    needs_asking: bool


_COLUMNS = "s.nid, s.room_nid, o.name, s.event_id, s.json, s.received_ts, s.attempts"


def add(pdus: Sequence[NewPdu]) -> None:
    """Store PDUs, but for those of the same server that wait already; inside a write transaction."""
    sql = (
        "INSERT INTO staged_pdu (room_nid, origin_nid, event_id, json, received_ts, needs_asking, attempts,"
        " retry_ts) VALUES {values} ON CONFLICT (event_id, origin_nid) DO NOTHING"
    )
    db.insert_many(sql, 8, [(*pdu, 0, 0) for pdu in pdus])


def unseen(room_nid: int, limit: int) -> list[StagedRow]:
    """What has not been looked at in a room, in the order of arrival."""
    sql = (
        f"SELECT {_COLUMNS} FROM staged_pdu s JOIN server o ON o.nid = s.origin_nid"
        " WHERE s.room_nid = %s AND NOT s.needs_asking ORDER BY s.nid LIMIT %s"
    )
    rows = [StagedRow(*found) for found in db.rows(sql, (room_nid, limit))]
    return [row._replace(json=bytes(row.json)) for row in rows]


def needs_asking(room_nid: int, now: int) -> bool:
    """Whether something waits in a room for which others can be asked now."""
    sql = "SELECT 1 FROM staged_pdu WHERE room_nid = %s AND needs_asking AND retry_ts <= %s LIMIT 1"
    return db.value(sql, (room_nid, now)) is not None


def left_rooms(before_ts: int, limit: int) -> list[int]:
    """Rooms with something that came before a time, and that nobody has looked at."""
    sql = (
        "SELECT room_nid FROM staged_pdu WHERE received_ts <= %s AND NOT needs_asking"
        " GROUP BY room_nid ORDER BY min(nid) LIMIT %s"
    )
    return [found[0] for found in db.rows(sql, (before_ts, limit))]


class Asking(NamedTuple):
    """A room, and a server whose PDUs there wait for what it must be asked for."""

    room_nid: int
    origin_nid: int


def to_ask(now: int, limit: int, busy: Iterable[int] = ()) -> list[Asking]:
    """Where others must be asked, but for servers that are being asked; who waits longest first."""
    sql = (
        "SELECT room_nid, origin_nid FROM staged_pdu WHERE needs_asking AND retry_ts <= %s"
        f" AND NOT ({db.in_any('origin_nid')}) GROUP BY room_nid, origin_nid ORDER BY min(nid) LIMIT %s"
    )
    return [Asking(*found) for found in db.rows(sql, (now, db.any_of(busy), limit))]


def claim(asking: Asking, now: int, until: int, limit: int) -> list[StagedRow]:
    """The PDUs of a server in a room that need asking and are due, in the order of arrival.

    Nobody else gets them before `until`; inside a write transaction.
    """
    sql = (
        f"SELECT {_COLUMNS} FROM staged_pdu s JOIN server o ON o.nid = s.origin_nid"
        " WHERE s.room_nid = %s AND s.origin_nid = %s AND s.needs_asking AND s.retry_ts <= %s"
        " ORDER BY s.nid LIMIT %s" + ("" if db.is_sqlite() else " FOR UPDATE OF s SKIP LOCKED")
    )
    rows = [StagedRow(*found) for found in db.rows(sql, (*asking, now, limit))]
    nids = db.any_of(row.nid for row in rows)
    db.execute(f"UPDATE staged_pdu SET retry_ts = %s WHERE {db.in_any('nid')}", (until, nids))
    return [row._replace(json=bytes(row.json)) for row in rows]


def release(nids: Iterable[int]) -> None:
    """Let others have PDUs that were claimed."""
    sql = f"UPDATE staged_pdu SET retry_ts = 0 WHERE {db.in_any('nid')}"
    db.execute(sql, (db.any_of(nids),))


def release_all() -> None:
    """Let others have all that was claimed, by a process that ended."""
    db.execute("UPDATE staged_pdu SET retry_ts = 0 WHERE retry_ts > 0 AND attempts = 0")


def remove(nids: Iterable[int]) -> None:
    """Forget PDUs that have been dealt with."""
    db.execute(f"DELETE FROM staged_pdu WHERE {db.in_any('nid')}", (db.any_of(nids),))


def set_needs_asking(nids: Iterable[int]) -> None:
    """Note that PDUs wait for what other servers must be asked for."""
    sql = f"UPDATE staged_pdu SET needs_asking = %s WHERE {db.in_any('nid')}"
    db.execute(sql, (True, db.any_of(nids)))


def postpone(nids: Iterable[int], retry_ts: int) -> None:
    """Count a failed attempt and let PDUs rest for some time."""
    sql = f"UPDATE staged_pdu SET attempts = attempts + 1, retry_ts = %s WHERE {db.in_any('nid')}"
    db.execute(sql, (retry_ts, db.any_of(nids)))


def rest(nids: Iterable[int], retry_ts: int) -> None:
    """Let PDUs rest for some time that were not even tried."""
    sql = f"UPDATE staged_pdu SET retry_ts = %s WHERE {db.in_any('nid')}"
    db.execute(sql, (retry_ts, db.any_of(nids)))


def let_ask(server_name: str) -> None:
    """A server answers again: what rests for it is due."""
    sql = (
        "UPDATE staged_pdu SET retry_ts = 0 WHERE origin_nid = (SELECT nid FROM server WHERE name = %s)"
        " AND needs_asking AND attempts > 0"
    )
    db.execute(sql, (server_name,))


def newest(asking: Asking, number: int) -> set[int]:
    """The nids of the PDUs that a server sent last to a room, of those that need asking."""
    sql = (
        "SELECT nid FROM staged_pdu WHERE room_nid = %s AND origin_nid = %s AND needs_asking"
        " ORDER BY nid DESC LIMIT %s"
    )
    return {found[0] for found in db.rows(sql, (*asking, number))}


class Answered(NamedTuple):
    """A transaction of a server, and its answer."""

    txn_id: str
    answer: bytes


class Standing(NamedTuple):
    """The last transaction of a server, and whether too many of its PDUs wait."""

    last: Answered | None
    is_full: bool


def standing(origin_nid: int, most: int, attempts: int) -> Standing:
    """How things stand with a server that may have `most` PDUs waiting that were not tried so often yet."""
    sql = (
        "SELECT t.txn_id, t.answer, EXISTS"
        " (SELECT 1 FROM staged_pdu WHERE origin_nid = %s AND attempts < %s LIMIT 1 OFFSET %s)"
        " FROM (SELECT 1) AS one LEFT JOIN inbound_transaction t ON t.origin_nid = %s"
    )
    txn_id, answer, is_full = db.rows(sql, (origin_nid, attempts, most, origin_nid))[0]
    return Standing(None if txn_id is None else Answered(txn_id, bytes(answer)), bool(is_full))


def put_transaction(origin_nid: int, answered: Answered) -> None:
    """Remember a transaction in place of the one before it."""
    sql = (
        "INSERT INTO inbound_transaction (origin_nid, txn_id, answer) VALUES (%s, %s, %s)"
        " ON CONFLICT (origin_nid) DO UPDATE SET txn_id = excluded.txn_id, answer = excluded.answer"
    )
    db.execute(sql, (origin_nid, *answered))


def first_time(origin_nid: int, message_id: str, now: int) -> bool:
    """Note a message to devices; whether it had not been noted before."""
    sql = (
        "INSERT INTO received_device_message (origin_nid, message_id, received_ts) VALUES (%s, %s, %s)"
        " ON CONFLICT DO NOTHING"
    )
    return db.changed(sql, (origin_nid, message_id, now)) == 1


def forget_messages(before_ts: int, limit: int = 5000) -> int:
    """Forget the IDs of old messages to devices."""
    sql = (
        "DELETE FROM received_device_message WHERE (origin_nid, message_id) IN (SELECT origin_nid,"
        " message_id FROM received_device_message WHERE received_ts < %s ORDER BY received_ts LIMIT %s)"
    )
    return db.changed(sql, (before_ts, limit))


def backlog() -> tuple[int, int | None]:
    """How many events wait to be judged, and when the oldest of them came."""
    count, oldest = db.rows("SELECT count(*), min(received_ts) FROM staged_pdu")[0]
    return count, oldest
