"""Wake-ups between machines that share a PostgreSQL: NOTIFY, by a thread that nobody waits for.

Commits that come while one is announced are announced together. Processes of the same machine have been
told by sockets before, and pass over what comes from their own.

Where no other machine listens, nothing is announced: sessions that listen bear the name of their machine, and
who has something to tell looks for such names, once a second at most. So who begins to listen may be passed
over by others for as long as that, and looks at everything once more when it is over.
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

from matrix_app.storage import db
from matrix_app.sync import wakeup_sockets

CHANNEL = "hearth_stream"
RETRY_SECONDS = 2.0
# How long what was seen of others who listen is taken for true.
LOOK_SECONDS = 1.0
# When all who looked before a session had its name have looked again.
PASSED_OVER_SECONDS = 1.5
LISTENER = "hearth listens"

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
        # When others were last looked for, and whether any listened.
        self._looked = (-LOOK_SECONDS, True)

    def tell(self, topic: str) -> None:
        """Have a topic told, soon, if anybody listens. It is a constant: a word of letters."""
        looked_at, anybody = self._looked
        if not anybody and time.monotonic() < looked_at + LOOK_SECONDS:
            return
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
                self.announce(topics)
            except DatabaseError:
                # Who is not told looks at the log by itself within a second.
                _log.warning("cannot tell other machines of changes", exc_info=True)
                connection.close()
                time.sleep(RETRY_SECONDS)

    def announce(self, topics: Collection[str]) -> bool:
        """Tell topics now if another machine listens, as far as is known; whether one does."""
        now = time.monotonic()
        if now >= self._looked[0] + LOOK_SECONDS:
            # The time is that before the look: whoever begins to listen after it may not be seen.
            self._looked = (now, others_listen(origin()))
        if self._looked[1]:
            announce(topics, origin())
        return self._looked[1]


def others_listen(by: str) -> bool:
    """Whether processes listen that are not of the origin `by`."""
    return bool(
        db.value(
            "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE %s AND application_name NOT LIKE %s)",
            (f"{LISTENER} %", f"{LISTENER} {by}%"),
        )
    )


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
            begin_to_listen(origin())
            # Whatever was told while nobody listened.
            heard(every())
            _hear(heard, PASSED_OVER_SECONDS)
            # Whatever was not told by who had looked just before.
            heard(every())
            _hear(heard, None)
        except DatabaseError:
            _log.exception("lost the connection that hears of changes")
            connection.close()
            time.sleep(RETRY_SECONDS)


def begin_to_listen(by: str) -> None:
    """Have the connection of this thread hear what is announced, and show that, as one of the origin `by`."""
    with connection.wrap_database_errors:
        connection.ensure_connection()
        driver = connection.connection
        driver.execute("SELECT set_config('application_name', %s, false)", (f"{LISTENER} {by}",))
        driver.execute(f"LISTEN {CHANNEL}")


def _hear(heard: Callable[[Collection[str]], None], seconds: float | None) -> None:
    with connection.wrap_database_errors:
        for note in connection.connection.notifies(timeout=seconds):
            topic, _, by = note.payload.partition(" ")
            if by != origin():
                heard({topic})
