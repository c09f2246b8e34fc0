"""One-time keys that nobody has claimed yet: each leaves this table once, for one claimer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from matrix_app.storage import db


class OneTimeKey(NamedTuple):
    """A key under its name; `key` is JSON."""

    device_nid: int
    algorithm: str
    key_id: str
    key: bytes


_COLUMNS = ", ".join(OneTimeKey._fields)

_CLAIM_ON_SQLITE = f"""
DELETE FROM one_time_key WHERE nid IN (
    SELECT (SELECT min(k.nid) FROM one_time_key k
            WHERE k.device_nid = json_extract(wanted.value, '$[0]')
              AND k.algorithm = json_extract(wanted.value, '$[1]'))
    FROM json_each(%s) wanted)
RETURNING {_COLUMNS}
"""

# A key that another claimer holds is passed over, so that nobody waits and none is given twice. The choice
# is materialised: a subquery could be run again, and would then choose other keys. Keys are never changed, so
# that their places stay theirs, and need not be looked for again.
_CLAIM_ON_POSTGRESQL = """
WITH chosen AS MATERIALIZED (
    SELECT oldest.place FROM unnest(%s::bigint[], %s::text[]) AS wanted (device_nid, algorithm)
    CROSS JOIN LATERAL (
        SELECT k.ctid AS place FROM one_time_key k
        WHERE k.device_nid = wanted.device_nid AND k.algorithm = wanted.algorithm
        ORDER BY k.nid LIMIT 1 FOR UPDATE SKIP LOCKED) oldest)
DELETE FROM one_time_key gone WHERE gone.ctid = ANY (ARRAY(SELECT place FROM chosen))
RETURNING gone.device_nid, gone.algorithm, gone.key_id, gone.key
"""


def claim(wanted: Sequence[tuple[int, str]]) -> list[OneTimeKey]:
    """Take the oldest key of each (device nid, algorithm) that has one, in one statement."""
    if db.is_sqlite():
        found = db.rows(_CLAIM_ON_SQLITE, (orjson.dumps(wanted).decode(),))
    else:
        devices, algorithms = [device for device, _ in wanted], [algorithm for _, algorithm in wanted]
        found = db.rows(_CLAIM_ON_POSTGRESQL, (devices, algorithms))
    return [OneTimeKey._make(row) for row in found]


def with_ids(device_nid: int, key_ids: Iterable[str]) -> dict[tuple[str, str], bytes]:
    """A device's unclaimed keys that have one of the IDs: (algorithm, key ID) to key."""
    sql = f"SELECT algorithm, key_id, key FROM one_time_key WHERE device_nid = %s AND {db.in_any('key_id')}"
    found = db.rows(sql, (device_nid, db.any_of(key_ids)))
    return {(algorithm, key_id): bytes(key) for algorithm, key_id, key in found}


def add(keys: Sequence[OneTimeKey], now: int) -> None:
    """Store keys whose names are new to their devices."""
    sql = f"INSERT INTO one_time_key ({_COLUMNS}, created_ts) VALUES {{values}}"
    db.insert_many(sql, 5, [(*key, now) for key in keys])


def keep_newest(device_nid: int, most: int) -> None:
    """Remove a device's oldest keys until it has `most`."""
    sql = (
        "DELETE FROM one_time_key WHERE nid IN (SELECT nid FROM one_time_key WHERE device_nid = %s"
        " ORDER BY nid DESC LIMIT 1000 OFFSET %s)"
    )
    db.execute(sql, (device_nid, most))


def delete_all(device_nid: int) -> int:
    """Remove a device's keys; how many."""
    return db.changed("DELETE FROM one_time_key WHERE device_nid = %s", (device_nid,))
