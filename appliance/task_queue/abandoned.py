"""Tasks that a worker had taken when it was killed: offered again at once, not when their lock runs out."""

from __future__ import annotations

import fcntl
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Protocol

import structlog
from django.conf import settings
from django.db import connection
from django.utils import timezone

from appliance.config import get_config

if TYPE_CHECKING:
    from types import TracebackType

log = structlog.get_logger(__name__)

ADVISORY_LOCK = 0x68746173  # "htas"


class Presence(Protocol):
    """A lock that every worker holds together with the others as long as it works."""

    def alone(self) -> bool:
        """Whether no other worker holds it."""

    def join(self) -> AbstractContextManager[object]:
        """Holds it."""


class Attendance(AbstractContextManager[None]):
    """While it lasts this worker counts as one that works. The first one frees what was left behind."""

    def __init__(self) -> None:
        self._stack = ExitStack()

    def __enter__(self) -> None:
        presence: Presence = DatabasePresence() if connection.vendor == "postgresql" else FilePresence()
        if presence.alone():
            release_abandoned()
        self._stack.enter_context(presence.join())

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def release_abandoned() -> int:
    """Frees all tasks that are locked; how many that were. For a worker that is alone."""
    if "orm" not in settings.Q_CLUSTER:
        return 0
    from django_q.models import OrmQ

    now = timezone.now()
    released: int = OrmQ.objects.filter(lock__gt=now).update(lock=now)
    if released:
        log.info("tasks of a worker that was killed are offered again", tasks=released)
    return released


class FilePresence:
    """Workers of one machine: a file in the run folder, which the kernel unlocks for those who die."""

    def __init__(self) -> None:
        folder = get_config().server.run_dir
        folder.mkdir(parents=True, exist_ok=True)
        self._file = (folder / "workers.lock").open("w")

    def alone(self) -> bool:
        """Whether no other worker holds the file."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def join(self) -> AbstractContextManager[object]:
        """Holds the file together with others."""
        fcntl.flock(self._file, fcntl.LOCK_SH)
        return self._file


class DatabasePresence:
    """Workers of all machines: an advisory lock, which PostgreSQL ends with the connection."""

    def alone(self) -> bool:
        """Whether no other worker holds the lock."""
        alone = self._ask("pg_try_advisory_lock")
        if alone:
            self._ask("pg_advisory_unlock")
        return alone

    def join(self) -> AbstractContextManager[object]:
        """Holds the lock on this thread's connection, which stays open as long as the process."""
        self._ask("pg_advisory_lock_shared")
        return ExitStack()

    @staticmethod
    def _ask(function: str) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {function}(%s)", [ADVISORY_LOCK])
            return bool(cursor.fetchone()[0])
