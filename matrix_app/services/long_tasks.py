"""Work that takes minutes: started by a page or a command, done in the worker, cancellable and resumable.

A kind of task is a function that does one bounded piece (a second or a few) and says whether it has
finished. What it must know for the next piece is in `checkpoint`, which is stored after every piece, so
that a task goes on where it was after the worker ended or the server was started again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

import orjson
import structlog

from appliance.config import get_config
from appliance.config.stored import refresh
from matrix_app.protocol.errors import MatrixError, NotFound
from matrix_app.protocol.said import said
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.services.background import run_later
from matrix_app.services.task_log import TaskLog
from matrix_app.storage import db, long_tasks, task_lines
from matrix_app.storage.clock import now_ms
from matrix_app.storage.long_tasks import LongTaskRow
from matrix_app.storage.task_lines import Line

# A worker that has not said how far it is for so long is taken for dead.
STALE_MS: Final = 120_000
# Kinds that are not done in pieces by the queue: joins have threads of their own.
SERVED_ELSEWHERE: Final = frozenset({"join"})
_ENDS: Final = {
    long_tasks.DONE: said("Done"),
    long_tasks.FAILED: said("Failed"),
    long_tasks.CANCELLED: said("Cancelled"),
}
_KINDS: dict[str, Piece] = {}

_log = structlog.get_logger("matrix_app.long_tasks")


class LongTask:
    """A task at work, as its kind's function sees it."""

    def __init__(self, row: LongTaskRow) -> None:
        self.nid = row.nid
        self.params = row.params
        self.actor = Actor(row.actor_nid, "hearth")
        # Changed freely by the function; stored after each piece. JSON.
        self.checkpoint = row.checkpoint
        # What came of it; JSON.
        self.result: dict[str, Any] = {}
        self.step = row.step
        self.done = row.done
        self.total = row.total
        self._log = TaskLog(row.nid, row.step)

    def warn(self, text: str) -> None:
        """Write into the log of the task that something did not work, which ends it not."""
        self._log.add(text, is_warning=True)

    def note(self) -> bool:
        """Store how far the task is; whether it is to be cancelled."""
        self._log.come_to(self.step)
        with db.write():
            self._log.write()
            return long_tasks.note(
                self.nid, now_ms(), self.step, self.done, self.total, orjson.dumps(self.checkpoint)
            )

    def end_log(self, state: str, error: str) -> None:
        """Write how the task ended; in a transaction."""
        if error:
            self._log.add(error, is_warning=True)
        self._log.add(_ENDS[state])
        self._log.write()


Piece = Callable[[LongTask], bool]


def long_task(kind: str) -> Callable[[Piece], Piece]:
    """Declare the decorated function as what does a piece of tasks of a kind; True when nothing is left.

    Its module is named in `services/long_task_kinds.py`.
    """

    def register(piece: Piece) -> Piece:
        _KINDS[kind] = piece
        return piece

    return register


def start(
    kind: str, title: str, params: dict[str, Any], actor: Actor, *, at_once: bool = True, after_ms: int = 0
) -> int:
    """Have a task done; its nid, which the page of the task shows.

    Where it is not done `at_once`, the next worker that starts begins with it, or any some time `after_ms`.
    """
    with db.write():
        nid = long_tasks.put(kind, title, orjson.dumps(params), actor.user_nid, now_ms() + after_ms)
        audit.record(actor, "task.start", str(nid), kind=kind, title=title)
        if at_once:
            run_later("run_long_task", nid)
    return nid


def cancel(nid: int, actor: Actor) -> None:
    """Ask for the end of a task, which comes after its present piece; raises `NotFound` when it has ended."""
    with db.write():
        if not long_tasks.ask_to_cancel(nid):
            raise NotFound("The task has ended already")
        audit.record(actor, "task.cancel", str(nid))


def run(nid: int) -> None:
    """Work on a task for as long as a task of the queue may take, then let the queue go on with it."""
    before = long_tasks.find(nid)
    with db.write():
        claimed = long_tasks.claim(nid, now_ms(), now_ms() - STALE_MS)
        if claimed and before is not None:
            _log_beginning(before)
    row = long_tasks.find(nid)
    if not claimed or row is None:
        return
    task = LongTask(row)
    refresh(now=True)  # what somebody has set before they asked for the task counts for it
    try:
        _work(task, piece_of(row.kind))
    except MatrixError as error:
        _finish(task, long_tasks.FAILED, error.message or error.errcode)
    except Exception:
        _log.exception("a long task failed", kind=row.kind, task=nid)
        _finish(task, long_tasks.FAILED, said("An internal error; the log tells more"))
        raise


def _log_beginning(row: LongTaskRow) -> None:
    if row.started_ts is None:
        task_lines.add(row.nid, [Line(now_ms(), False, said("Begun"))])
    elif row.state == long_tasks.RUNNING:
        text = said("What did this task has ended: it goes on where that was")
        task_lines.add(row.nid, [Line(now_ms(), True, text)])


def piece_of(name: str) -> Piece:
    """What does a piece of tasks of a kind; raises `NotFound` for a kind that this version does not know."""
    from matrix_app.services import long_task_kinds

    long_task_kinds.load(name)
    if name not in _KINDS:
        raise NotFound(said("This version of Hearth does not know the task {name}", name=name))
    return _KINDS[name]


def _work(task: LongTask, piece: Piece) -> None:
    until = time.monotonic() + get_config().worker.task_timeout_seconds / 3
    while True:
        if task.note():
            _finish(task, long_tasks.CANCELLED)
            return
        if piece(task):
            task.note()
            _finish(task, long_tasks.DONE)
            return
        if time.monotonic() > until:
            task.note()
            with db.write():
                long_tasks.release(task.nid)
                run_later("run_long_task", task.nid)
            return


def _finish(task: LongTask, state: str, error: str = "") -> None:
    with db.write():
        task.end_log(state, error)
        long_tasks.finish(task.nid, state, now_ms(), result=orjson.dumps(task.result), error=error)


def begin_waiting() -> Callable[[], None]:
    """Begin, in a worker that starts, with tasks that nobody has begun; there is nothing to end with it."""
    for row in long_tasks.unfinished():
        if row.kind not in SERVED_ELSEWHERE and row.heartbeat_ts is None:
            run_later("run_long_task", row.nid)
    return lambda: None


def resume_all() -> None:
    """Go on with tasks whose worker ended, or whose wake-up was lost."""
    stale = now_ms() - STALE_MS
    for row in long_tasks.unfinished():
        if row.kind not in SERVED_ELSEWHERE and (row.heartbeat_ts or row.created_ts) < stale:
            run_later("run_long_task", row.nid)
