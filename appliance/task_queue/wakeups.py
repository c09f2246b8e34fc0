"""How the worker learns at once that there are tasks. A lost wake-up costs one polling interval."""

from __future__ import annotations

import os
import select
import socket
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from django.db import connection

from appliance.config import get_config

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger(__name__)

CHANNEL = "hearth_tasks"


class Wakeups(Protocol):
    """Wakes the worker of this server, wherever it runs."""

    def wake(self) -> None:
        """Says that there may be tasks."""

    def wait(self, seconds: float) -> None:
        """Returns when somebody has called `wake` since the last time, or when the time is over."""


class SocketWakeups:
    """By a datagram to the Unix socket of each worker: web and workers are on one machine."""

    def __init__(self, folder: Path, *, workers: int, number: int = 0) -> None:
        self._paths = [folder / f"worker{number}.sock" for number in range(workers)]
        self._mine = self._paths[number]
        self._receiver: socket.socket | None = None
        self._sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def wake(self) -> None:
        """A worker that is not there, or has unread wake-ups already, needs none."""
        for path in self._paths:
            try:
                self._sender.sendto(b"+", str(path))
            except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
                log.debug("nobody to wake", socket=str(path))

    def wait(self, seconds: float) -> None:
        """Waits; wake-ups that came in together count as one."""
        if self._receiver is None:
            self._receiver = self._bind()
            return  # somebody may have called before anybody listened
        if select.select([self._receiver], [], [], seconds)[0]:
            self._drain(self._receiver)

    def _bind(self) -> socket.socket:
        """Takes the place of the worker before this one."""
        self._mine.parent.mkdir(parents=True, exist_ok=True)
        draft = self._mine.with_name(f"{self._mine.name}.{os.getpid()}")
        receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        receiver.bind(str(draft))
        draft.replace(self._mine)
        return receiver

    @staticmethod
    def _drain(receiver: socket.socket) -> None:
        try:
            while receiver.recv(16):
                continue
        except BlockingIOError:
            return


class PostgresWakeups:
    """By LISTEN and NOTIFY: web and worker may be on different machines."""

    def __init__(self) -> None:
        self._listening: Any = None

    def wake(self) -> None:
        """Notifies every worker that is connected to the database."""
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")

    def wait(self, seconds: float) -> None:
        """Waits on this process's own database connection, which is in no transaction."""
        connection.ensure_connection()
        driver: Any = connection.connection
        if self._listening is not driver:
            driver.execute(f"LISTEN {CHANNEL}")
            self._listening = driver
            return  # tasks may have come before anybody listened
        for _ in driver.notifies(timeout=seconds, stop_after=1):
            break


@cache
def wakeups() -> Wakeups:
    """The kind of wake-up that fits this server's database; one object for each process."""
    if connection.vendor == "postgresql":
        return PostgresWakeups()
    config = get_config()
    return SocketWakeups(config.server.run_dir, workers=config.worker.processes, number=_Me.number)


class _Me:
    number = 0


def listen_as(number: int) -> None:
    """This process is the worker with this number; to be said before the first wait."""
    _Me.number = number
    wakeups.cache_clear()


os.register_at_fork(after_in_child=wakeups.cache_clear)
