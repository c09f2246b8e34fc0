"""Leaving servers alone that do not answer: longer each time, and no longer once they are heard of again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import structlog

from appliance.config import get_config
from matrix_app.protocol.errors import RemoteUnreachable
from matrix_app.protocol.said import said
from matrix_app.services.retry_wait import spread
from matrix_app.storage import db, destinations, staging
from matrix_app.storage.clock import now_ms
from matrix_app.storage.destinations import Health

FIRST_INTERVAL_MS: Final = 10_000
# How old the last success may be before a newer one is worth a write.
NOTED_EVERY_MS: Final = 3_600_000

_log = structlog.get_logger(__name__)


class Backoff(Protocol):
    """Remembers which servers do not answer. Its methods may block: they run in a thread."""

    def check(self, server_name: str, *, even_if_failing: bool = False) -> Health:
        """How the server has answered; raises `RemoteUnreachable` while it is being left alone."""
        ...

    def failed(self, server_name: str) -> None:
        """The server did not answer."""
        ...

    def succeeded(self, server_name: str) -> None:
        """The server answers."""
        ...


class StoredBackoff:
    """Keeps it in the table `destination`, for all processes."""

    def __init__(self, clock: Callable[[], int] = now_ms) -> None:
        self._clock = clock

    def check(self, server_name: str, *, even_if_failing: bool = False) -> Health:
        """How the server has answered; raises `RemoteUnreachable` while it is being left alone."""
        health = destinations.health(server_name)
        if health.retry_at_ts > self._clock() and not even_if_failing:
            raise RemoteUnreachable(
                said("{server_name} has not answered lately and is left alone", server_name=server_name),
                retry_at_ts=health.retry_at_ts,
            )
        return health

    def failed(self, server_name: str) -> None:
        """The server did not answer; while it is being left alone already this changes nothing."""
        now = self._clock()
        with db.write():
            health = destinations.health(server_name)
            if health.retry_at_ts > now:
                return
            interval = next_interval(health.interval_ms)
            destinations.put_failure(server_name, now, now + interval, interval)
        _log.info("a server does not answer", server=server_name, again_in_ms=interval)

    def succeeded(self, server_name: str) -> None:
        """The server answers: it is no longer left alone."""
        with db.write():
            destinations.put_success(server_name, self._clock())
            staging.let_ask(server_name)


def next_interval(interval_ms: int) -> int:
    """How long to leave a server alone after another failure."""
    longest = get_config().federation.longest_backoff_seconds * 1000
    doubled = max(FIRST_INTERVAL_MS, interval_ms * 2)
    return spread(min(doubled, longest))


def is_news(health: Health, now: int) -> bool:
    """Whether a success has to be noted at all."""
    if health.failing_since_ts is not None or health.last_success_ts is None:
        return True
    return now - health.last_success_ts > NOTED_EVERY_MS


def heard_from(server_name: str) -> bool:
    """Note a signed request of a server; True when it had been failing, and may be sent to again."""
    health = destinations.health(server_name)
    if health.failing_since_ts is None:
        return False
    StoredBackoff().succeeded(server_name)
    return True
