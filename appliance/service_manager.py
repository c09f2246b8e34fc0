"""What systemd is told of a service: that it is ready, that it is alive, that it ends (see sd_notify(3))."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import MutableMapping

log = structlog.get_logger(__name__)

# The watchdog is told twice in the time after which it bites.
_PER_WATCHDOG = 2
_MICROSECONDS = 1_000_000


class ServiceManager:
    """Whoever started this process and wants to hear of it; without systemd nothing is said.

    Takes its variables out of the environment: the processes that are started from here are not the service.
    """

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        address = environ.pop("NOTIFY_SOCKET", "")
        # "If set to @, the socket is in the abstract namespace", which the kernel marks by a zero byte.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.beat_seconds = _beat_seconds(environ)

    @property
    def is_there(self) -> bool:
        """Whether somebody started this process as a service, and starts it again."""
        return bool(self._address)

    def ready(self) -> None:
        """The service answers."""
        self._tell("READY=1")

    def alive(self) -> None:
        """To be said at least every `beat_seconds`, when that is a number."""
        if self.beat_seconds is not None:
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The service was asked to end, and does."""
        self._tell("STOPPING=1")

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as line:
            try:
                line.sendto(state.encode(), self._address)
            except OSError as fault:
                log.warning("cannot tell the service manager", state=state, fault=str(fault))


def _beat_seconds(environ: MutableMapping[str, str]) -> float | None:
    """Half of the watchdog's time, or None when there is no watchdog, or it watches another process."""
    microseconds, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
    if not microseconds.isdigit() or (pid and pid != str(os.getpid())):
        return None
    return int(microseconds) / _MICROSECONDS / _PER_WATCHDOG
