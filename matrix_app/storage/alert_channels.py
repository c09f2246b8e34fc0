"""How the ways of telling administrators fared."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from matrix_app.protocol.said import packed, unpacked
from matrix_app.storage import db


class ChannelRow(NamedTuple):
    """When a channel was used last, what was wrong with it (nothing: empty), and what it keeps."""

    channel: str
    tried_ts: int
    fault: str
    data: dict[str, Any]


def put(channel: str, tried_ts: int, fault: str, data: bytes = b"{}") -> None:
    """Note how a channel fared."""
    sql = (
        "INSERT INTO alert_channel (channel, tried_ts, fault, data) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (channel) DO UPDATE SET tried_ts = excluded.tried_ts, fault = excluded.fault,"
        " data = excluded.data"
    )
    db.execute(sql, (channel, tried_ts, packed(fault), data))


def all_rows() -> dict[str, ChannelRow]:
    """Every channel that has been used."""
    found = db.rows("SELECT channel, tried_ts, fault, data FROM alert_channel")
    return {row[0]: ChannelRow(row[0], row[1], unpacked(row[2]), orjson.loads(row[3])) for row in found}
