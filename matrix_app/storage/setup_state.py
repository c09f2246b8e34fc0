"""How far the setup of this server is."""

from __future__ import annotations

from typing import Any, NamedTuple

import orjson

from matrix_app.storage import db

_ID = 1


class SetupRow(NamedTuple):
    """The step that was reached, what the steps remember, who may go on, and when it was finished."""

    step: str
    data: dict[str, Any]
    token_hash: bytes | None
    unlocked_ts: int
    finished_ts: int | None


def get() -> SetupRow | None:
    """The state, or None when the setup was never unlocked."""
    sql = "SELECT step, data, token_hash, unlocked_ts, finished_ts FROM setup_state WHERE id = %s"
    found = db.row(sql, (_ID,))
    if found is None:
        return None
    step, data, token_hash, unlocked_ts, finished_ts = found
    token = None if token_hash is None else bytes(token_hash)
    return SetupRow(step, orjson.loads(bytes(data)), token, unlocked_ts, finished_ts)


def unlock(first_step: str, token_hash: bytes, now: int) -> None:
    """Let the bearer of a token go on, and nobody else, from the first step or where it was left."""
    sql = (
        "INSERT INTO setup_state (id, step, data, token_hash, unlocked_ts) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (id) DO UPDATE SET token_hash = excluded.token_hash,"
        " unlocked_ts = excluded.unlocked_ts, finished_ts = NULL"
    )
    db.execute(sql, (_ID, first_step, b"{}", token_hash, now))


def put(step: str, data: dict[str, Any]) -> None:
    """Store the step that was reached, and what the steps remember."""
    sql = "UPDATE setup_state SET step = %s, data = %s WHERE id = %s"
    db.execute(sql, (step, orjson.dumps(data), _ID))


def finish(now: int) -> None:
    """Note that the setup is finished; nobody may go on."""
    sql = "UPDATE setup_state SET finished_ts = %s, token_hash = NULL WHERE id = %s"
    db.execute(sql, (now, _ID))
