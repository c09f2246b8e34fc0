"""Verify keys of other servers, with the signed answers that they came in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from matrix_app.storage import db


class StoredKey(NamedTuple):
    """A verify key: good until `valid_until_ts`, or given up by its server at `expired_ts`."""

    server_name: str
    key_id: str
    verify_key: bytes
    valid_until_ts: int
    expired_ts: int | None
    fetched_ts: int


_COLUMNS = "server_name, key_id, verify_key, valid_until_ts, expired_ts, fetched_ts"


def _stored(row: db.Row) -> StoredKey:
    return StoredKey(row[0], row[1], bytes(row[2]), row[3], row[4], row[5])


def of_servers(server_names: Iterable[str]) -> list[StoredKey]:
    """Every key of several servers."""
    sql = f"SELECT {_COLUMNS} FROM server_key WHERE {db.in_any('server_name')}"
    return [_stored(row) for row in db.rows(sql, (db.any_of(server_names),))]


def find(server_name: str, key_id: str) -> StoredKey | None:
    """One key, or None."""
    sql = f"SELECT {_COLUMNS} FROM server_key WHERE server_name = %s AND key_id = %s"
    found = db.row(sql, (server_name, key_id))
    return _stored(found) if found else None


def responses(server_name: str) -> dict[str, tuple[bytes, int]]:
    """The signed answer that each key of a server came in, and when it was fetched, by key ID."""
    sql = "SELECT key_id, response, fetched_ts FROM server_key WHERE server_name = %s"
    return {key_id: (bytes(response), fetched) for key_id, response, fetched in db.rows(sql, (server_name,))}


def put(keys: Sequence[StoredKey], response: bytes, *, direct: bool) -> None:
    """Store the keys of one answer; what a notary tells never shortens what is known already."""
    newer = "" if direct else " WHERE excluded.valid_until_ts >= server_key.valid_until_ts"
    db.insert_many(
        f"INSERT INTO server_key ({_COLUMNS}, response) VALUES {{values}}"
        " ON CONFLICT (server_name, key_id) DO UPDATE SET verify_key = excluded.verify_key,"
        " valid_until_ts = excluded.valid_until_ts, expired_ts = excluded.expired_ts,"
        f" fetched_ts = excluded.fetched_ts, response = excluded.response{newer}",
        7,
        [(*key, response) for key in keys],
    )
