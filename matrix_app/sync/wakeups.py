"""Tells the other processes that the stream has moved, or that there is something else to look for.

On one machine by datagrams to the Unix socket of each web process; with PostgreSQL by NOTIFY, which
also reaches other machines. A wake-up that is lost delays its change until the next look at the log.
"""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import structlog
from django.db import DatabaseError, connection

from appliance.config import get_config
from matrix_app.storage import db
from matrix_app.storage.stream import LogEntry

CHANNEL = "hearth_stream"
STREAM = "stream"
RETRY_SECONDS = 2.0
SETTLED_NS = 100_000_000

_log = structlog.get_logger(__name__)


def tell_others(_entries: list[LogEntry]) -> None:
    """Called in the committing thread after each commit that moved the stream."""
    tell(STREAM)


def tell(topic: str) -> None:
    """Call those who listen for a topic in other processes. It is a constant: a word of letters."""
    if db.is_sqlite():
        _sender().send(topic.encode())
    else:
        db.execute(f"NOTIFY {CHANNEL}, '{topic}'")


def listen(callback: Callable[[], None], topic: str = STREAM) -> None:
    """Have `callback` called, in a thread, whenever another process has moved the stream, or told a topic.

    A process listens once, however many want to know.
    """
    with _Process.lock:
        is_first = not _Process.callbacks
        _Process.callbacks.append((topic, callback))
        if not is_first:
            return
    target = _listen_socket if db.is_sqlite() else _listen_postgresql
    threading.Thread(target=target, name="stream-wakeups", daemon=True).start()


class _Process:
    lock = threading.Lock()
    callbacks: ClassVar[list[tuple[str, Callable[[], None]]]] = []


def _forget() -> None:
    _Process.lock = threading.Lock()
    _Process.callbacks.clear()


os.register_at_fork(after_in_child=_forget)


def _call(topics: Collection[str]) -> None:
    for topic, callback in _Process.callbacks:
        if topic in topics:
            callback()


def _topics() -> set[str]:
    return {topic for topic, _ in _Process.callbacks}


def _directory() -> Path:
    return get_config().server.run_dir / "stream"


class _Sender:
    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._directory = str(_directory())
        self._own = f"{os.getpid()}.sock"
        self._paths: list[str] = []
        self._listed_at = 0

    def send(self, topic: bytes) -> None:
        """Wake every process that listens, but for this one."""
        try:
            changed_at = os.stat(self._directory).st_mtime_ns  # noqa: PTH116  (done at every commit)
        except FileNotFoundError:
            return
        if changed_at != self._listed_at:
            # A clock ticks but every few milliseconds: what is as new as that may be followed unnoticed.
            self._listed_at = changed_at if time.time_ns() - changed_at > SETTLED_NS else 0
            self._paths = [e.path for e in os.scandir(self._directory) if e.name != self._own]
        for path in self._paths:
            self._send_to(path, topic)

    def _send_to(self, path: str, topic: bytes) -> None:
        try:
            self._socket.sendto(topic, path)
        except ConnectionRefusedError:
            # Its process has gone without taking the socket along.
            Path(path).unlink(missing_ok=True)
        except (BlockingIOError, FileNotFoundError):
            # Full: it has wake-ups to read already. Gone: it needs none.
            return


@lru_cache(maxsize=1)
def _sender() -> _Sender:
    return _Sender()


os.register_at_fork(after_in_child=_sender.cache_clear)


def _listen_socket() -> None:
    directory = _directory()
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{os.getpid()}.sock"
    path.unlink(missing_ok=True)
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(str(path))
    while True:
        told = {receiver.recv(16).decode()}
        while select.select([receiver], [], [], 0)[0]:
            told.add(receiver.recv(16).decode())
        _call(told)


def _listen_postgresql() -> None:
    while True:
        try:
            connection.ensure_connection()
            driver = connection.connection
            driver.execute(f"LISTEN {CHANNEL}")
            # Whatever was told while nobody listened.
            _call(_topics())
            for note in driver.notifies():
                _call({note.payload})
        except DatabaseError:
            _log.exception("lost the connection that hears of changes")
            connection.close()
            time.sleep(RETRY_SECONDS)
