"""A thread that looks for work beside the tasks of a worker process: when it is woken, and every so often.

The work is in a table. Wake-ups make it fast, and the looks make it certain, also for what a process that
ended has left behind.
"""

from __future__ import annotations

import threading

import structlog
from django.db import close_old_connections, connections

_log = structlog.get_logger("matrix_app.federation")


class LookingThread:
    """What it looks for is for subclasses to say. A look that fails is logged, and the next follows."""

    def __init__(self, name: str, *, stop_seconds: float) -> None:
        self._stop_seconds = stop_seconds
        self._news = threading.Event()
        self._is_ended = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def look(self) -> None:
        """Begin what waits."""
        raise NotImplementedError

    def pause(self) -> float:
        """In how many seconds to look again, if nothing wakes it before."""
        raise NotImplementedError

    def let_go(self) -> None:
        """Called after a look that failed, and at the end."""

    def start(self) -> None:
        """Begin, with what a process that ended has left behind."""
        self._thread.start()

    def wake(self) -> None:
        """Something may wait."""
        self._news.set()

    def stop(self) -> None:
        """Begin nothing new. What is under way is given a moment, and is gone on with by the next process."""
        self._is_ended = True
        self._news.set()
        self._thread.join(self._stop_seconds)

    def _run(self) -> None:
        while not self._is_ended:
            self._news.clear()
            self._look()
            self._news.wait(self.pause())
        self.let_go()
        connections.close_all()

    def _look(self) -> None:
        try:
            self.look()
        except Exception:  # noqa: BLE001  (the boundary of the thread: logged, and it looks again)
            self.let_go()
            _log.exception("cannot look for work", thread=self._thread.name, again_in=self.pause())
            close_old_connections()
