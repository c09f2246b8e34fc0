"""Wake-ups between machines that share a PostgreSQL: NOTIFY, by a thread that nobody waits for.

Commits that come while one is announced are announced together. Processes of the same machine have been
told by sockets before, and pass over what comes from their own.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import Path

import structlog
from django.db import DatabaseError, connection

from matrix_app.sync import wakeup_sockets

CHANNEL = "hearth_stream"
RETRY_SECONDS = 2.0

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_log = structlog.get_logger(__name__)


@lru_cache(maxsize=1)
def origin() -> str:
    """What tells processes that reach each other by sockets from those that do not."""
    folder = wakeup_sockets.folder()
    folder.mkdir(parents=True, exist_ok=True)
    found = folder.stat()
    named = f"{_BOOT_ID.read_text(encoding='ascii')}{found.st_dev}:{found.st_ino}"
    return hashlib.sha256(named.encode()).hexdigest()[:16]


class Announcer:
    """Tells other machines of topics, as soon as it has told them of those before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._topics: set[str] = set()
        self._thread: threading.Thread | None = None

    def tell(self, topic: str) -> None:
        """Have a topic told, soon. It is a constant: a word of letters."""
        with self._lock:
            self._topics.add(topic)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="wakeup-notes", daemon=True)
                self._thread.start()
        self._news.set()

    def _run(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            with self._lock:
                topics, self._topics = self._topics, set()
            try:
                announce(topics, origin())
            except DatabaseError:
                # Who is not told looks at the log by itself within a second.
                _log.warning("cannot tell other machines of changes", exc_info=True)
                connection.close()
                time.sleep(RETRY_SECONDS)


def announce(topics: Collection[str], by: str) -> None:
    """Tell all but those of the origin `by` now, on the connection of this thread."""
    with connection.wrap_database_errors:
        connection.ensure_connection()
        for topic in topics:
            connection.connection.execute(f"NOTIFY {CHANNEL}, '{topic} {by}'")


@lru_cache(maxsize=1)
def announcer() -> Announcer:
    """The announcer of this process."""
    return Announcer()


os.register_at_fork(after_in_child=announcer.cache_clear)


def receive(heard: Callable[[Collection[str]], None], every: Callable[[], Collection[str]]) -> None:
    """Call `heard` with the topics that other machines tell, and with `every` one after a silence."""
    while True:
        try:
            with connection.wrap_database_errors:
                connection.ensure_connection()
                driver = connection.connection
                driver.execute(f"LISTEN {CHANNEL}")
                # Whatever was told while nobody listened.
                heard(every())
                for note in driver.notifies():
                    topic, _, by = note.payload.partition(" ")
                    if by != origin():
                        heard({topic})
        except DatabaseError:
            _log.exception("lost the connection that hears of changes")
            connection.close()
            time.sleep(RETRY_SECONDS)
