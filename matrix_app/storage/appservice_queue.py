"""What application services have been sent, and are to be sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import orjson

from matrix_app.storage import db
from matrix_app.storage.clock import now_ms
from matrix_app.storage.receipts import ReceiptRow


class Progress(NamedTuple):
    """The state of a service; see the model."""

    id: str
    position: int
    created_ts: int
    transactions: int
    pending: bytes | None
    pending_position: int | None
    pending_devices: bytes | None
    is_paused: bool
    failing_since_ts: int | None
    failures: int
    retry_ts: int | None
    told_ts: int | None
    fault: str | None

    @property
    def txn_id(self) -> str:
        """The ID of the transaction that is under way, or of the next: a number that is never used again."""
        return str(self.created_ts * 1_000_000 + self.transactions)


class OwnDevice(NamedTuple):
    """A device of a user of a service."""

    nid: int
    device_id: str
    user_id: str


_COLUMNS = ", ".join(Progress._fields)


def get(service_id: str) -> Progress | None:
    """The state of a service, None before it was first sent anything."""
    found = db.row(f"SELECT {_COLUMNS} FROM appservice_progress WHERE id = %s", (service_id,))
    return None if found is None else _progress(found)


def all_of_them() -> list[Progress]:
    """The state of every service, of removed ones too."""
    return [_progress(found) for found in db.rows(f"SELECT {_COLUMNS} FROM appservice_progress ORDER BY id")]


def _progress(found: db.Row) -> Progress:
    row = Progress(*found)
    return row._replace(
        pending=None if row.pending is None else bytes(row.pending),
        pending_devices=None if row.pending_devices is None else bytes(row.pending_devices),
        is_paused=bool(row.is_paused),
    )


def begin(service_id: str, position: int) -> None:
    """A service is to be sent what happens after `position`."""
    sql = (
        "INSERT INTO appservice_progress (id, position, created_ts, transactions, is_paused, failures)"
        " VALUES (%s, %s, %s, 0, %s, 0) ON CONFLICT DO NOTHING"
    )
    db.execute(sql, (service_id, position, now_ms(), False))


def move(service_id: str, position: int) -> None:
    """Nothing up to `position` is for the service."""
    sql = "UPDATE appservice_progress SET position = %s WHERE id = %s AND position < %s"
    db.execute(sql, (position, service_id, position))


def put_pending(service_id: str, body: bytes, upto: int, devices: dict[int, int]) -> bool:
    """A transaction is under way: it holds everything up to `upto`, and messages to devices.

    False for a service that has been paused (or forgotten) since it was asked for: nothing is under way then.
    """
    sql = (
        "UPDATE appservice_progress SET pending = %s, pending_position = %s, pending_devices = %s"
        " WHERE id = %s AND is_paused = %s"
    )
    return db.changed(sql, (body, upto, orjson.dumps(list(devices.items())), service_id, False)) == 1


def delivered(service_id: str) -> None:
    """The service has taken the transaction that was under way.

    What follows on one from before a restore has a number that was not in use before that.
    """
    sql = (
        "UPDATE appservice_progress SET position = pending_position, transactions = transactions + 1,"
        " created_ts = coalesce((SELECT max(ended_ts) FROM lost_time WHERE ended_ts > created_ts),"
        "  created_ts),"
        " pending = NULL, pending_position = NULL, pending_devices = NULL, failing_since_ts = NULL,"
        " failures = 0, retry_ts = NULL, fault = NULL, told_ts = %s"
        " WHERE id = %s AND pending_position IS NOT NULL"
    )
    db.execute(sql, (now_ms(), service_id))


def failed(service_id: str, fault: str, retry_ts: int) -> None:
    """The service has not taken the transaction, and is left alone until `retry_ts`."""
    sql = (
        "UPDATE appservice_progress SET failing_since_ts = coalesce(failing_since_ts, %s),"
        " failures = failures + 1, retry_ts = %s, fault = %s WHERE id = %s"
    )
    db.execute(sql, (now_ms(), retry_ts, fault, service_id))


def retry_now(service_id: str) -> None:
    """Do not leave the service alone any longer."""
    db.execute("UPDATE appservice_progress SET retry_ts = NULL WHERE id = %s", (service_id,))


def set_paused(service_id: str, is_paused: bool) -> bool:
    """Send the service nothing, or go on; whether the service is known."""
    sql = "UPDATE appservice_progress SET is_paused = %s, retry_ts = NULL WHERE id = %s"
    return db.changed(sql, (is_paused, service_id)) == 1


def remove(service_id: str) -> None:
    """Forget the state of a service."""
    db.execute("DELETE FROM appservice_progress WHERE id = %s", (service_id,))


def oldest_position() -> int | None:
    """The position of the service that is furthest behind."""
    found: int | None = db.value("SELECT min(position) FROM appservice_progress")
    return found


def local_members(room_nid: int) -> list[tuple[str, int]]:
    """(user ID, position at which they joined) of the local users joined to a room."""
    sql = (
        "SELECT u.user_id, m.changed_position FROM membership m JOIN matrix_user u ON u.nid = m.user_nid"
        " WHERE m.room_nid = %s AND m.membership = 2 AND m.is_local = %s"
    )
    return [(user_id, position) for user_id, position in db.rows(sql, (room_nid, True))]


def private_receipts(user_nids: Iterable[int], after: int, upto: int) -> list[ReceiptRow]:
    """The private receipts of users with after < position <= upto, in order."""
    columns = ", ".join(f"r.{name}" for name in ReceiptRow._fields)
    sql = (
        f"SELECT {columns} FROM membership m JOIN receipt r ON r.room_nid = m.room_nid"
        f" AND r.user_nid = m.user_nid WHERE {db.in_any('m.user_nid')} AND m.membership = 2"
        " AND r.receipt_type = 'm.read.private' AND r.position > %s AND r.position <= %s ORDER BY r.position"
    )
    return [ReceiptRow(*found) for found in db.rows(sql, (db.any_of(user_nids), after, upto))]


def own_devices(service_id: str, device_nids: Iterable[int]) -> list[OwnDevice]:
    """Those of the devices whose users the service has made."""
    sql = (
        "SELECT d.nid, d.device_id, u.user_id FROM device d JOIN account a ON a.user_nid = d.user_nid"
        " JOIN matrix_user u ON u.nid = d.user_nid"
        f" WHERE {db.in_any('d.nid')} AND a.appservice_id = %s AND NOT d.hidden"
    )
    return [OwnDevice(*found) for found in db.rows(sql, (db.any_of(device_nids), service_id))]


def devices_with_messages(service_id: str) -> set[int]:
    """The devices of users whom the service has made for which messages wait."""
    sql = (
        "SELECT d.nid FROM account a JOIN device d ON d.user_nid = a.user_nid WHERE a.appservice_id = %s"
        " AND EXISTS (SELECT 1 FROM to_device_message t WHERE t.device_nid = d.nid)"
    )
    return {found[0] for found in db.rows(sql, (service_id,))}
