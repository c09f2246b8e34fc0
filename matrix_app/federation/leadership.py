"""One process at a time that does a thing, of all the processes on all the machines."""

from __future__ import annotations

import fcntl
import zlib
from typing import IO, Final, Protocol

import structlog
from django.db import DatabaseError, connection

from appliance.config import get_config
from matrix_app.storage import db

_SPACE: Final = 0x68000000  # of advisory locks

_log = structlog.get_logger("matrix_app.federation.leadership")


class Leadership(Protocol):
    """A lock that one process holds; whoever dies loses it. To be used by one thread."""

    def acquire(self) -> bool:
        """Take the lock, if nobody else has it."""
        ...

    def holds(self) -> bool:
        """Whether the lock that was taken is still held."""
        ...

    def release(self) -> None:
        """Let another process have it."""
        ...


class FileLeadership:
    """For one machine: the lock on a file in the run folder."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        """Take the lock, if nobody else has it."""
        folder = get_config().server.run_dir
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / f"{self._name}.lock").open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True

    def holds(self) -> bool:
        """Always: the system keeps it as long as the process lives."""
        return self._file is not None

    def release(self) -> None:
        """Let another process have it."""
        if self._file is not None:
            self._file.close()
            self._file = None


class DatabaseLeadership:
    """For many machines: an advisory lock, which PostgreSQL ends with the thread's connection."""

    def __init__(self, name: str) -> None:
        self._lock = _SPACE | zlib.crc32(name.encode()) >> 8

    def acquire(self) -> bool:
        """Take the lock, if nobody else has it."""
        try:
            return bool(db.value("SELECT pg_try_advisory_lock(%s)", (self._lock,)))
        except DatabaseError:
            return self._lost()

    def holds(self) -> bool:
        """Whether the connection that holds the lock is still there."""
        try:
            held = db.value(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
                " AND objid = %s AND granted",
                (self._lock,),
            )
        except DatabaseError:
            return self._lost()
        return held is not None

    def release(self) -> None:
        """Let another process have it."""
        connection.close()

    @staticmethod
    def _lost() -> bool:
        _log.exception("the database cannot be asked who is to do it")
        connection.close()
        return False


def leadership(name: str) -> Leadership:
    """The lock with a name, of the kind that fits the database."""
    return FileLeadership(name) if db.is_sqlite() else DatabaseLeadership(name)
