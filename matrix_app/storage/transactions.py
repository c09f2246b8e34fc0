"""Clients' transaction IDs, by which a repeated request is recognised."""

from __future__ import annotations

import time
from collections.abc import Iterable

from matrix_app.storage import db
from matrix_app.storage.events import EventRow


def put_event(device_nid: int, scope: str, txn_id: str, event_nid: int) -> None:
    """Remember the event that a transaction ID led to."""
    sql = (
        "INSERT INTO client_transaction (device_nid, scope, txn_id, event_nid, created_ts)"
        " VALUES (%s, %s, %s, %s, %s)"
    )
    db.execute(sql, (device_nid, scope, txn_id, event_nid, int(time.time() * 1000)))


def find_event(device_nid: int, scope: str, txn_id: str) -> str | None:
    """The ID of the event that a transaction ID led to."""
    sql = (
        "SELECT e.event_id FROM client_transaction t JOIN event e ON e.nid = t.event_nid"
        " WHERE t.device_nid = %s AND t.scope = %s AND t.txn_id = %s"
    )
    found: str | None = db.value(sql, (device_nid, scope, txn_id))
    return found


def put_response(device_nid: int, scope: str, txn_id: str, response: bytes) -> None:
    """Remember the answer to a transaction ID; inside the transaction of what it did."""
    sql = (
        "INSERT INTO client_transaction (device_nid, scope, txn_id, response, created_ts)"
        " VALUES (%s, %s, %s, %s, %s)"
    )
    db.execute(sql, (device_nid, scope, txn_id, response, int(time.time() * 1000)))


def put_response_once(device_nid: int, scope: str, txn_id: str, response: bytes) -> bool:
    """As `put_response`; False when the transaction ID has been used, even by a request still under way."""
    sql = (
        "INSERT INTO client_transaction (device_nid, scope, txn_id, response, created_ts)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING"
    )
    return db.changed(sql, (device_nid, scope, txn_id, response, int(time.time() * 1000))) > 0


def find_response(device_nid: int, scope: str, txn_id: str) -> bytes | None:
    """The stored answer to a transaction ID."""
    sql = "SELECT response FROM client_transaction WHERE device_nid = %s AND scope = %s AND txn_id = %s"
    found = db.value(sql, (device_nid, scope, txn_id))
    return None if found is None else bytes(found)


def txn_ids_of(device_nid: int, rows: Iterable[EventRow]) -> dict[int, str]:
    """For events which this device sent: event nid to transaction ID."""
    nids = [row.nid for row in rows]
    if not nids:
        return {}
    sql = (
        f"SELECT event_nid, txn_id FROM client_transaction WHERE {db.in_any('event_nid')} AND device_nid = %s"
    )
    return dict(db.rows(sql, (db.any_of(nids), device_nid)))


def forget_before(ts: int, limit: int = 5000) -> int:
    """Remove transaction IDs older than `ts`, at most `limit`."""
    sql = (
        "DELETE FROM client_transaction WHERE (device_nid, scope, txn_id) IN ("
        "SELECT device_nid, scope, txn_id FROM client_transaction WHERE created_ts < %s LIMIT %s)"
    )
    return db.changed(sql, (ts, limit))
