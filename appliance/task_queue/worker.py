"""The worker: django-q2's cluster, run in the process that the supervisor forked for it."""

from __future__ import annotations

import os
import signal
import threading
import uuid
from multiprocessing import Event
from typing import TYPE_CHECKING, Any

from django_q.cluster import Sentinel
from django_q.worker import worker

from appliance.process import bind_descendants, reset_signals
from appliance.task_queue.abandoned import announce_cluster, release_abandoned
from appliance.task_queue.wakeups import wakeups

if TYPE_CHECKING:
    from collections.abc import Callable

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """What django-q2 takes for an event that says stop: a signal, taken only where it is waited for.

    A handler that set a real event could interrupt the very wait that holds the event's lock.
    """

    def __init__(self) -> None:
        self._asked = False

    def is_set(self) -> bool:
        """Whether a signal has asked to stop."""
        return self._asked

    def ask(self) -> None:
        """Asks to stop from within."""
        self._asked = True

    def wait(self, seconds: float) -> bool:
        """Waits for a signal; True when one has asked to stop."""
        self._asked = self._asked or signal.sigtimedwait(STOP_SIGNALS, seconds) is not None
        return self._asked


class Helper(threading.Thread):
    """django-q2's pusher or monitor, as a thread of the sentinel: a process of its own takes 3 MiB."""

    def __init__(self, target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        super().__init__(target=target, args=arguments, daemon=True)
        self.pid = os.getpid()


class Cluster(Sentinel):  # type: ignore[misc]  # django-q2 has no types
    """django-q2's sentinel with two differences: helpers are threads, and a task is taken at once.

    A process with threads must not be forked. So when a worker has died or is to be replaced, the
    cluster finishes what it does and ends; the supervisor starts the next one.
    """

    def spawn_cluster(self) -> None:
        """Starts the workers and their helpers, with nothing left over from a cluster before."""
        release_abandoned()
        super().spawn_cluster()
        announce_cluster()

    def spawn_process(self, target: Callable[..., None], *arguments: Any) -> Any:
        """Starts a worker as a process, and anything else as a thread."""
        if target is worker:
            return super().spawn_process(target, *arguments)
        helper = Helper(target, arguments)
        helper.start()
        return helper

    def reincarnate(self, process: Any) -> None:
        """Ends the cluster, and with it the worker when it is beyond its time."""
        if process.is_alive():
            process.kill()
        self.stop_event.ask()

    def stop(self) -> None:
        """Finishes the tasks under way, and ends."""
        self.event_out.set()
        wakeups().wake()
        super().stop()


def work() -> int:
    """Runs tasks until told to stop."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.register_at_fork(after_in_child=reset_signals)
    bind_descendants()
    Cluster(StopRequest(), Event(), uuid.uuid4())  # returns when it has stopped
    return 0
