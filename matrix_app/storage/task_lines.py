"""The logs of long tasks: the newest lines of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from matrix_app.protocol.said import packed, unpacked
from matrix_app.storage import db

# Of one task so many lines are kept.
MOST_LINES: Final = 200


class Line(NamedTuple):
    """A step that a task came to, or what did not work; `text` may be a sentence with values."""

    ts: int
    is_warning: bool
    text: str


def add(task_nid: int, lines: Sequence[Line]) -> None:
    """Store lines, and remove those of the task that are too many."""
    sql = "INSERT INTO long_task_line (task_nid, ts, is_warning, text) VALUES {values}"
    db.insert_many(sql, 4, [(task_nid, line.ts, line.is_warning, packed(line.text)) for line in lines])
    db.execute(
        "DELETE FROM long_task_line WHERE task_nid = %s AND nid <= (SELECT nid FROM long_task_line"
        " WHERE task_nid = %s ORDER BY nid DESC LIMIT 1 OFFSET %s)",
        (task_nid, task_nid, MOST_LINES),
    )


def newest(task_nid: int, limit: int) -> list[Line]:
    """The newest lines of a task, the newest first."""
    sql = "SELECT ts, is_warning, text FROM long_task_line WHERE task_nid = %s ORDER BY nid DESC LIMIT %s"
    return [Line(ts, bool(warning), unpacked(text)) for ts, warning, text in db.rows(sql, (task_nid, limit))]


def delete(task_nids: Sequence[int]) -> None:
    """Remove the logs of tasks."""
    db.execute(f"DELETE FROM long_task_line WHERE {db.in_any('task_nid')}", (db.any_of(task_nids),))
