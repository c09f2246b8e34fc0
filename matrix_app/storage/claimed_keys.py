"""One-time keys that were given out, by their devices, for when their clients upload them again.

They are kept where transaction IDs are, and as long: for both a client repeats what it has no answer to.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from matrix_app.storage import db
from matrix_app.storage.one_time_keys import OneTimeKey

_SCOPE: Final = "keys/claim/"


def remember(keys: Sequence[OneTimeKey], now: int) -> None:
    """Note keys that have been given out, inside the transaction in which they are."""
    sql = (
        "INSERT INTO client_transaction (device_nid, scope, txn_id, response, created_ts) VALUES {values}"
        " ON CONFLICT (device_nid, scope, txn_id) DO UPDATE"
        " SET response = excluded.response, created_ts = excluded.created_ts"
    )
    rows = [(key.device_nid, _SCOPE + key.algorithm, key.key_id, key.key, now) for key in keys]
    db.insert_many(sql, 5, rows)


def among(device_nid: int, names: Collection[tuple[str, str]]) -> dict[tuple[str, str], bytes]:
    """A device's keys that were given out under some names: (algorithm, key ID) to key."""
    scopes = {_SCOPE + algorithm for algorithm, _ in names}
    sql = (
        "SELECT scope, txn_id, response FROM client_transaction"
        f" WHERE device_nid = %s AND {db.in_any('scope')} AND {db.in_any('txn_id')}"
    )
    found = db.rows(sql, (device_nid, db.any_of(scopes), db.any_of(key_id for _, key_id in names)))
    return {(scope.removeprefix(_SCOPE), key_id): bytes(key) for scope, key_id, key in found}
