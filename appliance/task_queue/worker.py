"""The worker: django-q2's parts, as threads around the one that runs the tasks.

django-q2's own cluster is four processes or more. Here each worker is one process that takes tasks, runs
them and notes the results; the supervisor starts a new one when it ends (docs/adr/0002).
"""

from __future__ import annotations

import os
import select
import signal
import threading
from queue import Queue
from typing import TYPE_CHECKING, Any

import structlog
from django.db import DatabaseError, close_old_connections, connections
from django_q.brokers import get_broker
from django_q.conf import Conf
from django_q.monitor import monitor
from django_q.pusher import pusher
from django_q.scheduler import scheduler
from django_q.worker import worker

from appliance.config.stored import refresh as refresh_settings
from appliance.task_queue.abandoned import Attendance
from appliance.task_queue.companions import companions
from appliance.task_queue.wakeups import listen_as, wakeups

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

GUARD_SECONDS = 2.0
SCHEDULER_SECONDS = 30.0
STOP = "STOP"  # django-q2's word for the end of a queue


class Timer:
    """What django-q2 notes about the task under way: the seconds it may still take, or -1 without one."""

    IDLE = -1.0

    def __init__(self) -> None:
        self.value = self.IDLE
        self._lock = threading.RLock()

    def get_lock(self) -> threading.RLock:
        """Held while the value and what follows from it are changed."""
        return self._lock

    def take(self, seconds: float) -> bool:
        """Lets time pass; True when that of a task has run out."""
        with self._lock:
            if self.value <= 0:
                return False
            self.value -= seconds
            return self.value <= 0


class Worker:
    """Takes tasks and runs them until it is told to stop, or has run its share."""

    def __init__(self) -> None:
        self._tasks: Queue[Any] = Queue(Conf.QUEUE_LIMIT)
        self._results: Queue[Any] = Queue()
        self._timer = Timer()
        self._broker = get_broker()
        self._stop_taking = threading.Event()
        self._taking = self._thread(pusher, self._tasks, self._stop_taking, self._broker)
        # A pipe, because a signal's handler must not take a lock.
        self._stop_asked, self._ask = os.pipe()

    def run(self) -> None:
        """Runs tasks in this thread, which must be the main one: a task's time limit is an alarm signal."""
        noting = self._thread(monitor, self._results, self._broker)
        for thread in (self._taking, noting, self._thread(self._guard)):
            thread.start()
        worker(self._tasks, self._results, self._timer, Conf.TIMEOUT)
        while self._timer.value != Timer.IDLE:
            # It has run its share, or a task ran out of time: what was taken is finished first.
            self._timer.value = Timer.IDLE
            self.ask_to_stop()
            worker(self._tasks, self._results, self._timer, Conf.TIMEOUT)
        self._results.put(STOP)
        noting.join()
        connections.close_all()

    def ask_to_stop(self, *_signal: object) -> None:
        """Has the worker end when it has finished the tasks that it took."""
        os.write(self._ask, b"+")

    def _thread(self, target: Callable[..., None], *arguments: Any) -> threading.Thread:
        def run() -> None:
            try:
                target(*arguments)
            finally:
                connections.close_all()
                self.ask_to_stop()

        return threading.Thread(target=run, name=getattr(target, "__name__", ""), daemon=True)

    def _guard(self) -> None:
        """Adds the tasks that are due, ends a task that ignores its alarm, and ends the worker in order."""
        since_scheduled = 0.0
        while not select.select([self._stop_asked], [], [], GUARD_SECONDS)[0]:
            if self._timer.take(GUARD_SECONDS):
                log.error("a task did not end at its time limit; the worker is replaced")
                os.kill(os.getpid(), signal.SIGKILL)
            self._look_at_settings()
            since_scheduled += GUARD_SECONDS
            if since_scheduled >= SCHEDULER_SECONDS:
                since_scheduled = 0.0
                scheduler(broker=self._broker)
        self._stop_taking.set()
        wakeups().wake()
        self._taking.join()
        self._tasks.put(STOP)

    def _look_at_settings(self) -> None:
        try:
            refresh_settings()
        except DatabaseError:
            log.exception("cannot look for changed settings")
            close_old_connections()


def work(number: int) -> int:
    """Runs tasks until told to stop, as the worker with this number; the exit code."""
    listen_as(number)
    with Attendance(), companions():
        running = Worker()
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, running.ask_to_stop)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        running.run()
    return 0
