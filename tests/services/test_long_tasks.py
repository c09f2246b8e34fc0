"""Long tasks: pieces, progress, cancellation and going on after the worker ended."""

from __future__ import annotations

from typing import Any

import pytest

from matrix_app.protocol.errors import Conflict, NotFound
from matrix_app.services import long_tasks
from matrix_app.services.audit import CLI
from matrix_app.services.long_tasks import LongTask, long_task
from matrix_app.storage import audit, db, task_lines
from matrix_app.storage import long_tasks as stored

pytestmark = pytest.mark.django_db(transaction=True)


@long_task("test.count")
def count(task: LongTask) -> bool:
    """Counts to `params.to`, one number a piece."""
    number = task.checkpoint.get("number", 0) + 1
    if number == task.params.get("fails_at"):
        raise Conflict("The number is taken")
    if number == task.params.get("dies_at") and not task.checkpoint.get("died"):
        task.checkpoint["died"] = True
        task.note()
        raise KeyboardInterrupt
    task.checkpoint["number"] = task.done = number
    task.total, task.step = task.params["to"], f"number {number}"
    task.result = {"counted": number}
    if number == task.params.get("cancels_at"):
        long_tasks.cancel(task.nid, CLI)
    return number == task.params["to"]


def started(**params: Any) -> int:
    return long_tasks.start("test.count", "Count", params, CLI)


def found(nid: int) -> stored.LongTaskRow:
    row = stored.find(nid)
    assert row is not None
    return row


def test_a_task_is_done_piece_by_piece_and_tells_how_far_it_is() -> None:
    nid = started(to=3)
    assert found(nid).state == stored.QUEUED
    long_tasks.run(nid)
    row = found(nid)
    assert (row.state, row.done, row.total, row.percent) == (stored.DONE, 3, 3, 100)
    assert row.result == {"counted": 3}
    assert row.finished_ts is not None


def test_a_task_that_fails_says_why() -> None:
    nid = started(to=3, fails_at=2)
    long_tasks.run(nid)
    assert (found(nid).state, found(nid).error) == (stored.FAILED, "The number is taken")


def test_a_cancelled_task_ends_after_its_piece() -> None:
    nid = started(to=9, cancels_at=2)
    long_tasks.run(nid)
    assert (found(nid).state, found(nid).done) == (stored.CANCELLED, 2)
    with pytest.raises(NotFound):
        long_tasks.cancel(nid, CLI)


def test_a_task_goes_on_where_its_dead_worker_was() -> None:
    nid = started(to=4, dies_at=3)
    with pytest.raises(KeyboardInterrupt):
        long_tasks.run(nid)
    long_tasks.run(nid)  # somebody may still be at work
    assert found(nid).state == stored.RUNNING
    with db.write():
        db.execute("UPDATE long_task SET heartbeat_ts = 1 WHERE nid = %s", (nid,))
    long_tasks.run(nid)
    assert (found(nid).state, found(nid).done) == (stored.DONE, 4)


def test_a_task_of_an_unknown_kind_fails() -> None:
    nid = long_tasks.start("test.unknown", "Nothing", {}, CLI)
    long_tasks.run(nid)
    assert found(nid).state == stored.FAILED


def log_of(nid: int) -> list[tuple[bool, str]]:
    return [(line.is_warning, str(line.text)) for line in reversed(task_lines.newest(nid, 1000))]


def test_a_log_has_each_step_once_and_how_it_ended() -> None:
    nid = started(to=2)
    long_tasks.run(nid)
    assert log_of(nid) == [
        (False, "Begun"),
        (False, "number 1"),
        (False, "number 2"),
        (False, "Done"),
    ]


def test_a_log_says_why_a_task_failed() -> None:
    nid = started(to=3, fails_at=2)
    long_tasks.run(nid)
    assert log_of(nid)[-2:] == [(True, "The number is taken"), (False, "Failed")]


def test_a_log_says_that_a_task_went_on_after_its_worker_had_ended() -> None:
    nid = started(to=3, dies_at=2)
    with pytest.raises(KeyboardInterrupt):
        long_tasks.run(nid)
    with db.write():
        db.execute("UPDATE long_task SET heartbeat_ts = 0")
    long_tasks.run(nid)
    assert (True, "What did this task has ended: it goes on where that was") in log_of(nid)
    assert log_of(nid)[-1] == (False, "Done")


def test_a_log_keeps_the_newest_lines_of_a_flood_and_goes_with_its_task() -> None:
    nid, other = started(to=1), started(to=1)
    long_tasks.run(other)
    task = LongTask(found(nid))
    for number in range(task_lines.MOST_LINES + 50):
        task.warn(f"warning {number}")
    task.note()
    task.warn("the last")
    task.note()
    kept = log_of(nid)
    assert len(kept) == task_lines.MOST_LINES
    assert (kept[0], kept[-1]) == ((True, "warning 51"), (True, "the last"))
    long_tasks.run(nid)
    with db.write():
        assert stored.delete_finished_before(1 << 60, 10) == 2
    assert (log_of(nid), log_of(other)) == ([], [])


def test_starting_and_cancelling_are_in_the_audit_log() -> None:
    nid = started(to=1)
    long_tasks.cancel(nid, CLI)
    entries = audit.page(before=None, limit=10, target=str(nid))
    assert [entry.action for entry in entries] == ["task.cancel", "task.start"]
    assert entries[1].details == {"kind": "test.count", "title": "Count"}
