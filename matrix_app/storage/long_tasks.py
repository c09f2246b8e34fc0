"""Work that takes minutes: what is asked for, how far it is, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from matrix_app.protocol.said import packed, unpacked
from matrix_app.storage import db, task_lines

QUEUED, RUNNING, DONE, FAILED, CANCELLED = "queued", "running", "done", "failed", "cancelled"


class LongTaskRow(NamedTuple):
    """A long task; `total` is None while nobody knows how much there is to do."""

    nid: int
    kind: str
    title: str
    params: dict[str, Any]
    state: str
    step: str
    done: int
    total: int | None
    checkpoint: dict[str, Any]
    result: dict[str, Any]
    error: str
    cancel_requested: bool
    actor_nid: int | None
    created_ts: int
    started_ts: int | None
    heartbeat_ts: int | None
    finished_ts: int | None

    @property
    def is_finished(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in (DONE, FAILED, CANCELLED)

    @property
    def percent(self) -> int | None:
        """How much is done, from 0 to 100, or None when nobody knows."""
        if not self.total:
            return 100 if self.state == DONE else None
        return min(100, self.done * 100 // self.total)


_COLUMNS = ", ".join(LongTaskRow._fields)
# Texts may be sentences with values, which pages say in the language of the visitor.
_READ: Final[dict[str, Callable[[Any], Any]]] = {
    **dict.fromkeys(("params", "checkpoint", "result"), orjson.loads),
    **dict.fromkeys(("title", "step", "error"), unpacked),
}


def _row(found: db.Row) -> LongTaskRow:
    pairs = zip(LongTaskRow._fields, found, strict=True)
    return LongTaskRow(**{name: _READ[name](value) if name in _READ else value for name, value in pairs})


def put(kind: str, title: str, params: bytes, actor_nid: int | None, now: int) -> int:
    """Store a new task; its nid."""
    sql = (
        "INSERT INTO long_task (kind, title, params, state, step, done, checkpoint, result, error,"
        " cancel_requested, actor_nid, created_ts) VALUES (%s, %s, %s, %s, '', 0, %s, %s, '', %s, %s, %s)"
        " RETURNING nid"
    )
    return int(db.value(sql, (kind, packed(title), params, QUEUED, b"{}", b"{}", False, actor_nid, now)))


def find(nid: int) -> LongTaskRow | None:
    """A task, or None."""
    found = db.row(f"SELECT {_COLUMNS} FROM long_task WHERE nid = %s", (nid,))
    return _row(found) if found else None


def page(*, before: int | None, limit: int) -> list[LongTaskRow]:
    """Tasks, the newest first, before a nid."""
    sql = f"SELECT {_COLUMNS} FROM long_task WHERE nid < %s ORDER BY nid DESC LIMIT %s"
    return [_row(found) for found in db.rows(sql, ((1 << 62) if before is None else before, limit))]


def unfinished(kind: str | None = None, limit: int = 100) -> list[LongTaskRow]:
    """Tasks that are queued or running, the oldest first; of one kind where it is given."""
    sql = (
        f"SELECT {_COLUMNS} FROM long_task WHERE state IN ('queued', 'running')"
        " AND (%s = '' OR kind = %s) ORDER BY nid LIMIT %s"
    )
    return [_row(found) for found in db.rows(sql, (kind or "", kind or "", limit))]


def count_unfinished() -> int:
    """How many tasks are queued or running, but for joins, which users ask for all day."""
    return int(
        db.value("SELECT count(*) FROM long_task WHERE state IN ('queued', 'running') AND kind <> 'join'")
    )


def of_kind(kind: str, limit: int = 200) -> list[LongTaskRow]:
    """The newest tasks of a kind, the newest first."""
    sql = f"SELECT {_COLUMNS} FROM long_task WHERE kind = %s ORDER BY nid DESC LIMIT %s"
    return [_row(found) for found in db.rows(sql, (kind, limit))]


def claim(nid: int, now: int, stale_before: int) -> bool:
    """Take a task to work on it: one that is queued, or whose worker has not been heard of since a time."""
    sql = (
        "UPDATE long_task SET state = 'running', heartbeat_ts = %s, started_ts = COALESCE(started_ts, %s)"
        " WHERE nid = %s AND (state = 'queued' OR (state = 'running' AND heartbeat_ts < %s))"
    )
    return db.changed(sql, (now, now, nid, stale_before)) == 1


def release(nid: int) -> None:
    """Give a task back to the queue, to be gone on with."""
    db.execute("UPDATE long_task SET state = 'queued' WHERE nid = %s AND state = 'running'", (nid,))


def note(nid: int, now: int, step: str, done: int, total: int | None, checkpoint: bytes) -> bool:
    """Store how far a task is; whether somebody wants it cancelled."""
    sql = (
        "UPDATE long_task SET heartbeat_ts = %s, step = %s, done = %s, total = %s, checkpoint = %s"
        " WHERE nid = %s RETURNING cancel_requested"
    )
    return bool(db.value(sql, (now, packed(step), done, total, checkpoint, nid)))


def note_running(
    nid: int, now: int, step: str, done: int, total: int | None, checkpoint: bytes | None = None
) -> bool:
    """Store how far a task is that nobody has to claim, as `note`; None leaves its checkpoint as it is."""
    sql = (
        "UPDATE long_task SET state = 'running', started_ts = COALESCE(started_ts, %s), heartbeat_ts = %s,"
        " step = %s, done = %s, total = %s, checkpoint = COALESCE(%s, checkpoint)"
        " WHERE nid = %s AND finished_ts IS NULL RETURNING cancel_requested"
    )
    return bool(db.value(sql, (now, now, packed(step), done, total, checkpoint, nid)))


def finish(nid: int, state: str, now: int, *, result: bytes = b"{}", error: str = "") -> None:
    """Store what came of a task."""
    sql = "UPDATE long_task SET state = %s, finished_ts = %s, result = %s, error = %s WHERE nid = %s"
    db.execute(sql, (state, now, result, packed(error), nid))


def is_to_be_cancelled(nid: int) -> bool:
    """Whether somebody has asked for the end of a task."""
    return bool(db.value("SELECT cancel_requested FROM long_task WHERE nid = %s", (nid,)))


def ask_to_cancel(nid: int) -> bool:
    """Ask for the end of a task; False when it has ended."""
    sql = "UPDATE long_task SET cancel_requested = %s WHERE nid = %s AND state IN ('queued', 'running')"
    return db.changed(sql, (True, nid)) == 1


def delete_done_before(kind: str, ts: int, limit: int) -> int:
    """Remove tasks of a kind that were done without a fault before a time, at most `limit`; how many."""
    sql = (
        "SELECT nid FROM long_task WHERE finished_ts < %s AND kind = %s AND state = 'done'"
        " ORDER BY finished_ts LIMIT %s"
    )
    return _delete([found[0] for found in db.rows(sql, (ts, kind, limit))])


def delete_finished_before(ts: int, limit: int) -> int:
    """Remove tasks that ended before a time, at most `limit`; how many."""
    sql = "SELECT nid FROM long_task WHERE finished_ts < %s ORDER BY finished_ts LIMIT %s"
    return _delete([found[0] for found in db.rows(sql, (ts, limit))])


def _delete(nids: list[int]) -> int:
    if not nids:
        return 0
    task_lines.delete(nids)
    return db.changed(f"DELETE FROM long_task WHERE {db.in_any('nid')}", (db.any_of(nids),))
