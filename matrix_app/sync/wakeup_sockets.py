"""Wake-ups between the processes of one machine: datagrams to the Unix socket of each that listens."""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Callable, Collection
from functools import lru_cache
from pathlib import Path

from appliance.config import get_config

SETTLED_NS = 100_000_000


def folder() -> Path:
    """Where the sockets are. Processes that share it reach each other without the database."""
    return get_config().server.run_dir / "stream"


class Sender:
    """Sends to every socket in the folder but this process's own."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._directory = str(folder())
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
def sender() -> Sender:
    """The sender of this process."""
    return Sender()


os.register_at_fork(after_in_child=sender.cache_clear)


def receive(heard: Callable[[Collection[str]], None]) -> None:
    """Call `heard` with the topics that others send, for as long as the process lives."""
    directory = folder()
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{os.getpid()}.sock"
    path.unlink(missing_ok=True)
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(str(path))
    while True:
        told = {receiver.recv(16).decode()}
        while select.select([receiver], [], [], 0)[0]:
            told.add(receiver.recv(16).decode())
        heard(told)
