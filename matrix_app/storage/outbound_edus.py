"""What is told to other servers beside events: messages to devices, receipts, who types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matrix_app.storage import db
from matrix_app.storage.clock import now_ms
from matrix_app.storage.receipts import ReceiptRow
from matrix_app.storage.stream import Change, Kind, append


class QueuedMessage(NamedTuple):
    """A message that waits for its server; `content` is JSON."""

    nid: int
    content: bytes


def put_messages(messages: Sequence[tuple[int, bytes]]) -> list[int]:
    """Store messages to devices for servers, inside a write transaction, and wake the sender; their nids."""
    position = append([Change(Kind.REMOTE_TO_DEVICE)])[0]
    now = now_ms()
    sql = "INSERT INTO outbound_to_device (server_nid, position, content, created_ts)"
    rows = [(server_nid, position, content, now) for server_nid, content in messages]
    return [found[0] for found in db.insert_many(f"{sql} VALUES {{values}} RETURNING nid", 4, rows)]


def servers_with_messages(after: int, upto: int) -> set[int]:
    """The servers that messages with after < position <= upto are for."""
    sql = "SELECT DISTINCT server_nid FROM outbound_to_device WHERE position > %s AND position <= %s"
    return {found[0] for found in db.rows(sql, (after, upto))}


def oldest_messages(server_nid: int, limit: int) -> list[QueuedMessage]:
    """The messages that have waited longest for a server."""
    sql = "SELECT nid, content FROM outbound_to_device WHERE server_nid = %s ORDER BY nid LIMIT %s"
    return [QueuedMessage(nid, bytes(content)) for nid, content in db.rows(sql, (server_nid, limit))]


def delete_messages(nids: Iterable[int]) -> None:
    """Remove messages that their server has taken."""
    db.execute(f"DELETE FROM outbound_to_device WHERE {db.in_any('nid')}", (db.any_of(nids),))


def drop_oldest(server_nid: int, keep: int) -> int:
    """Remove all but the newest messages for a server; how many."""
    sql = (
        "DELETE FROM outbound_to_device WHERE server_nid = %s AND nid <= (SELECT nid FROM outbound_to_device"
        " WHERE server_nid = %s ORDER BY nid DESC LIMIT 1 OFFSET %s)"
    )
    return db.changed(sql, (server_nid, server_nid, keep))


def local_receipts(room_nids: Iterable[int], after: int, upto: int) -> list[ReceiptRow]:
    """The public receipts of local users in rooms with after < position <= upto."""
    columns = ", ".join(f"r.{name}" for name in ReceiptRow._fields)
    sql = (
        f"SELECT {columns} FROM receipt r JOIN matrix_user u ON u.nid = r.user_nid"
        f" WHERE {db.in_any('r.room_nid')} AND r.position > %s AND r.position <= %s"
        " AND r.receipt_type = 'm.read' AND u.is_local ORDER BY r.position"
    )
    return [ReceiptRow(*found) for found in db.rows(sql, (db.any_of(room_nids), after, upto))]


def local_typists(room_nids: Iterable[int]) -> dict[int, set[int]]:
    """By room: the local users who type there now."""
    sql = (
        "SELECT t.room_nid, t.user_nid FROM typing t JOIN matrix_user u ON u.nid = t.user_nid"
        f" WHERE {db.in_any('t.room_nid')} AND t.expires_ts > %s AND u.is_local"
    )
    found: dict[int, set[int]] = {}
    for room_nid, user_nid in db.rows(sql, (db.any_of(room_nids), now_ms())):
        found.setdefault(room_nid, set()).add(user_nid)
    return found
