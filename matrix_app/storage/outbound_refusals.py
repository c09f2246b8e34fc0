"""Servers that answer, but do not take what they are sent: how often, why, and when they are asked again."""

from __future__ import annotations

from matrix_app.storage import db

MOST_CHARACTERS = 200


def count(server_nid: int) -> int:
    """How often the server has refused one time after the other."""
    return int(db.value("SELECT refusals FROM destination WHERE server_nid = %s", (server_nid,)) or 0)


def put(server_nid: int, times: int, until_ts: int, why: str) -> None:
    """The server has refused, and is sent nothing until a time."""
    sql = (
        "INSERT INTO destination (server_nid, retry_at_ts, interval_ms, sent_position, is_behind,"
        " refusals, refused_until_ts, refusal) VALUES (%s, 0, 0, 0, %s, %s, %s, %s)"
        " ON CONFLICT (server_nid) DO UPDATE SET refusals = excluded.refusals,"
        " refused_until_ts = excluded.refused_until_ts, refusal = excluded.refusal"
    )
    db.execute(sql, (server_nid, False, times, until_ts, why.replace("\0", "")[:MOST_CHARACTERS]))


def end(server_nid: int) -> None:
    """The server takes what it is sent, or is to be asked whether it does."""
    sql = (
        "UPDATE destination SET refusals = 0, refused_until_ts = 0, refusal = NULL"
        " WHERE server_nid = %s AND refused_until_ts > 0"
    )
    db.execute(sql, (server_nid,))
