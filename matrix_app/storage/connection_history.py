"""Rows with the address of a user and what its browser or app says of itself, by when they were used last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from matrix_app.storage import db


class _Columns(NamedTuple):
    """The columns of a table, and what stands where nothing is known."""

    used_ts: str
    address: str
    agent: str
    unknown: str | None


_COLUMNS: Final = {
    "device": _Columns("last_seen_ts", "last_seen_ip", "last_seen_user_agent", None),
    "web_session": _Columns("last_used_ts", "ip", "user_agent", ""),
}
TABLES: Final = tuple(_COLUMNS)


def page(table: str, after: int, until: int, limit: int) -> tuple[int, list[int]] | None:
    """Look at up to `limit` rows after a nid: the last of them, and all with something to forget.

    That are those that were used last at a time or before. None when there are none left.
    """
    used_ts, address, agent, unknown = _COLUMNS[table]
    known = "IS NOT NULL" if unknown is None else f"<> '{unknown}'"
    sql = (
        f"SELECT nid, ({used_ts} <= %s AND ({address} {known} OR {agent} {known})) FROM {table}"
        " WHERE nid > %s ORDER BY nid LIMIT %s"
    )
    found = db.rows(sql, (until, after, limit))
    return (found[-1][0], [nid for nid, is_old in found if is_old]) if found else None


def forget(table: str, nids: Sequence[int], until: int) -> int:
    """Forget what rows say, but for those that have been used after a time; of how many."""
    used_ts, address, agent, unknown = _COLUMNS[table]
    chosen = db.any_of(nids)
    if not db.is_sqlite():
        # In the order in which those that are seen are written: each would else wait for the other.
        db.execute(f"SELECT nid FROM {table} WHERE {db.in_any('nid')} ORDER BY nid FOR UPDATE", (chosen,))
    sql = f"UPDATE {table} SET {address} = %s, {agent} = %s WHERE {db.in_any('nid')} AND {used_ts} <= %s"
    return db.changed(sql, (unknown, unknown, chosen, until))
