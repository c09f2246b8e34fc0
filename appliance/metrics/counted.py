"""What processes count while they work. Each has its own file of figures, which are added up when read.

The names are documented in docs/metrics.md. Counting costs some microseconds: labels are looked up once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Histogram

_library: Any = prometheus_client  # not all of it has types
# When a process began to count says nothing where many do.
_library.disable_created_metrics()
REGISTRY: Final = CollectorRegistry()
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

REQUESTS: Final = Counter(
    "hearth_requests", "Requests that were answered.", ["kind", "status"], registry=REGISTRY
)
REQUEST_SECONDS: Final = Histogram(
    "hearth_request_seconds",
    "Time to the first byte of an answer, without requests that wait for news.",
    ["kind"],
    buckets=_SECONDS,
    registry=REGISTRY,
)
SYNC_SECONDS: Final = Histogram(
    "hearth_sync_seconds",
    "Time to answer a sync, without the time that it waits for news.",
    buckets=_SECONDS,
    registry=REGISTRY,
)
EVENTS: Final = Counter(
    "hearth_events", "Events that were stored, by where they come from.", ["origin"], registry=REGISTRY
)
MESSAGES: Final = Counter(
    "hearth_messages",
    "Messages (m.room.message and m.room.encrypted) that were stored.",
    ["origin"],
    registry=REGISTRY,
)
PDUS_RECEIVED: Final = Counter(
    "hearth_federation_pdus_received", "Events in transactions of other servers.", registry=REGISTRY
)
TRANSACTIONS_SENT: Final = Counter(
    "hearth_federation_transactions_sent",
    "Transactions to other servers, by what came of them.",
    ["result"],
    registry=REGISTRY,
)


@lru_cache(maxsize=256)
def _requests(kind: str, status: str) -> Counter:
    return REQUESTS.labels(kind, status)


@lru_cache(maxsize=16)
def _request_seconds(kind: str) -> Histogram:
    return REQUEST_SECONDS.labels(kind)


def count_request(path: str, status: int, seconds: float, *, waited: bool) -> None:
    """A request was answered; one that waits for news is counted, and its time is not."""
    kind = "sync" if waited else kind_of(path)
    _requests(kind, f"{status // 100}xx").inc()
    if not waited:
        _request_seconds(kind).observe(seconds)


def count_events(*, local: bool, events: int, messages: int) -> None:
    """Events were stored, some of them messages."""
    origin = "local" if local else "remote"
    EVENTS.labels(origin).inc(events)
    if messages:
        MESSAGES.labels(origin).inc(messages)


def kind_of(path: str) -> str:
    """The class of a request: client, media, federation, pages or other."""
    if path.startswith("/_matrix/"):
        if path.startswith(("/_matrix/federation/", "/_matrix/key/")):
            return "federation"
        return "media" if "/media/" in path[:40] else "client"
    return "pages" if path.startswith(("/admin/", "/account/", "/setup/", "/static/")) else "other"
