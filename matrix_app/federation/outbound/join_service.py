"""Runs the joins of rooms elsewhere, beside the tasks of a worker process, in one process at a time.

The table of long tasks is the queue (`LookingThread`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import partial
from typing import Final

import structlog

from appliance.config import get_config
from matrix_app.federation.leadership import Leadership, leadership
from matrix_app.federation.looking import LookingThread
from matrix_app.federation.outbound.join import Join, JoinInterruptedError, answers_folder, tell_of_end
from matrix_app.federation.outbound.kept_threads import KeptThreads
from matrix_app.federation.second_hand import second_hand
from matrix_app.services import remote_joins
from matrix_app.storage import db, long_tasks
from matrix_app.storage.clock import now_ms
from matrix_app.storage.long_tasks import LongTaskRow
from matrix_app.sync import wakeups

# Joins that wait for other servers, or are small: each has a thread.
AT_ONCE: Final = 16
# Joins with a big answer that are read and stored at the same time.
HEAVY_AT_ONCE: Final = 2
LOOK_SECONDS: Final = 1.0
IDLE_LOOK_SECONDS: Final = 5.0
CLEAN_SECONDS: Final = 600.0
# Joins that succeeded are listed for so long.
KEPT_MS: Final = 3_600_000
_STOP_SECONDS: Final = 8.0

_log = structlog.get_logger("matrix_app.federation.outbound")


class JoinService(LookingThread):
    """Runs joins for as long as this process is the one that does."""

    def __init__(self, lead: Leadership) -> None:
        super().__init__("joins", stop_seconds=_STOP_SECONDS + IDLE_LOOK_SECONDS)
        self._leadership = lead
        self.is_leading = False
        self._heavy = threading.BoundedSemaphore(HEAVY_AT_ONCE)
        self._running: dict[int, tuple[Join, Future[None]]] = {}
        self._threads = KeptThreads("join")
        self._cleaned_at = -CLEAN_SECONDS

    def pause(self) -> float:
        """See `LookingThread`."""
        return LOOK_SECONDS if self._running else IDLE_LOOK_SECONDS

    def look(self) -> None:
        """See `LookingThread`."""
        if self.is_leading and not self._leadership.holds():
            self.let_go()
        elif self.is_leading or self._begins_to_lead():
            self._go_on()
            self._clean()

    def _begins_to_lead(self) -> bool:
        self.is_leading = self._leadership.acquire()
        if self.is_leading:
            self._threads = KeptThreads("join")
        return self.is_leading

    def let_go(self) -> None:
        """Interrupt all joins. Nobody else can have the lock, nor this process again, while it is held."""
        if not self.is_leading:
            return
        for join, _ in self._running.values():
            join.is_interrupted = True
        wait([done for _, done in self._running.values()], _STOP_SECONDS)
        self._threads.end()
        second_hand().end()
        self.is_leading = False
        self._leadership.release()

    def _go_on(self) -> None:
        """Note how far joins are, cancel those that are to be, and begin those whose turn it is."""
        self._running = {nid: held for nid, held in self._running.items() if not held[1].done()}
        busy = set()
        for join, _ in self._running.values():
            join.is_cancelled = join.note() or join.is_cancelled
            busy.add(join.wanted.room_id)
        for row in long_tasks.unfinished(remote_joins.KIND, remote_joins.MOST):
            room_id = remote_joins.wanted_in(row).room_id
            # The second join of a room finds it here when the first is done.
            if row.nid in self._running or room_id in busy or len(self._running) >= AT_ONCE:
                continue
            busy.add(room_id)
            self._begin(row)

    def _begin(self, row: LongTaskRow) -> None:
        join = Join(row, self._heavy)
        join.is_cancelled = row.cancel_requested
        done = self._threads.run(partial(self._work, join))
        self._running[row.nid] = (join, done)
        done.add_done_callback(self._ended)

    def _ended(self, _: object) -> None:
        self.wake()
        tell_of_end()

    def _work(self, join: Join) -> None:
        try:
            join.run()
        except JoinInterruptedError:
            _log.info("a join is gone on with later", room_id=join.wanted.room_id)
        except Exception:  # noqa: BLE001  (the boundary of the join: logged, and not begun again and again)
            _log.exception("a join failed", room_id=join.wanted.room_id)
            remote_joins.fail(join.nid, remote_joins.internal_error())

    def _clean(self) -> None:
        """Forget joins that were done some time ago, and answers whose join has ended."""
        if self._running or time.monotonic() - self._cleaned_at < CLEAN_SECONDS:
            return
        self._cleaned_at = time.monotonic()
        with db.write():
            long_tasks.delete_done_before(remote_joins.KIND, now_ms() - KEPT_MS, 1000)
        waiting = {f"{row.nid}.json" for row in long_tasks.unfinished(remote_joins.KIND, remote_joins.MOST)}
        for path in answers_folder().glob("*.json"):
            if path.name not in waiting:
                path.unlink(missing_ok=True)


class _Process:
    service: JoinService | None = None


def start() -> Callable[[], None]:
    """Run joins in this process, unless another does; what is returned ends it."""
    if not get_config().federation.enabled:
        return lambda: None
    service = _Process.service = JoinService(leadership("joins"))
    service.start()
    wakeups.listen(service.wake, "joins")

    def stop() -> None:
        _Process.service = None
        service.stop()

    return stop


def wake() -> None:
    """Somebody wants to join: for the service of this process, if it has one."""
    if _Process.service is not None:
        _Process.service.wake()


def run_all() -> None:
    """Run the joins that wait, one after the other in this thread."""
    for row in long_tasks.unfinished(remote_joins.KIND, remote_joins.MOST):
        Join(row).run()
