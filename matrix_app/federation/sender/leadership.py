"""One sender at a time, of all the processes on all the machines."""

from __future__ import annotations

import fcntl
from typing import IO, Final, Protocol

import structlog
from django.db import DatabaseError, connection

from appliance.config import get_config
from matrix_app.storage import db

ADVISORY_LOCK: Final = 0x68736E64  # "hsnd"

_log = structlog.get_logger("matrix_app.federation.sender")


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

    def __init__(self) -> None:
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        """Take the lock, if nobody else has it."""
        folder = get_config().server.run_dir
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "sender.lock").open("w")
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

    def acquire(self) -> bool:
        """Take the lock, if nobody else has it."""
        try:
            return bool(db.value("SELECT pg_try_advisory_lock(%s)", (ADVISORY_LOCK,)))
        except DatabaseError:
            return self._lost()

    def holds(self) -> bool:
        """Whether the connection that holds the lock is still there."""
        try:
            held = db.value(
                "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
                " AND objid = %s AND granted",
                (ADVISORY_LOCK,),
            )
        except DatabaseError:
            return self._lost()
        return held is not None

    def release(self) -> None:
        """Let another process have it."""
        connection.close()

    @staticmethod
    def _lost() -> bool:
        _log.exception("the database cannot be asked who is to send")
        connection.close()
        return False


def leadership() -> Leadership:
    """The kind that fits the database."""
    return FileLeadership() if db.is_sqlite() else DatabaseLeadership()
