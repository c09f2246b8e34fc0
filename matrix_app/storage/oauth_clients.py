"""Clients of the OAuth 2.0 API."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.storage import db


class OAuthClientRow(NamedTuple):
    """A registered client; `metadata` is JSON."""

    nid: int
    client_id: str
    metadata: bytes


_SELECT = f"SELECT {', '.join(OAuthClientRow._fields)} FROM oauth_client"
# No device is this client, and nothing was granted to it that a device could come of.
_UNUSED = (
    "NOT EXISTS (SELECT 1 FROM oauth_session s WHERE s.client_nid = c.nid)"
    " AND NOT EXISTS (SELECT 1 FROM oauth_code o WHERE o.client_nid = c.nid AND o.device_nid IS NULL"
    " AND o.expires_ts > %s)"
    " AND NOT EXISTS (SELECT 1 FROM oauth_device_grant g WHERE g.client_nid = c.nid AND g.expires_ts > %s)"
)


def _client(found: db.Row | None) -> OAuthClientRow | None:
    return OAuthClientRow(found[0], found[1], bytes(found[2])) if found else None


def find(client_id: str) -> OAuthClientRow | None:
    """The client with an ID, or None."""
    return _client(db.row(f"{_SELECT} WHERE client_id = %s", (client_id,)))


def by_nid(nid: int) -> OAuthClientRow | None:
    """A client, or None."""
    return _client(db.row(f"{_SELECT} WHERE nid = %s", (nid,)))


def put(client_id: str, metadata_hash: bytes, metadata: bytes, now: int) -> str:
    """Store a client, or note the use of the one with the same metadata; its client ID."""
    sql = (
        "INSERT INTO oauth_client (client_id, metadata_hash, metadata, created_ts, used_ts)"
        " VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (metadata_hash) DO UPDATE SET used_ts = excluded.used_ts RETURNING client_id"
    )
    return str(db.value(sql, (client_id, metadata_hash, metadata, now, now)))


def touch(nid: int, now: int) -> None:
    """Note the use of a client."""
    db.execute("UPDATE oauth_client SET used_ts = %s WHERE nid = %s", (now, nid))


def count() -> int:
    """How many there are."""
    return int(db.value("SELECT count(*) FROM oauth_client"))


def delete_unused(before: int, now: int, limit: int) -> int:
    """Remove clients that have no session and were last used before a time, the oldest first; how many."""
    sql = (
        "DELETE FROM oauth_client WHERE nid IN (SELECT c.nid FROM oauth_client c"
        f" WHERE c.used_ts < %s AND {_UNUSED} ORDER BY c.used_ts LIMIT %s)"
    )
    return db.changed(sql, (before, now, now, limit))
