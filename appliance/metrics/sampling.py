"""Every minute, what the graphs show is put into rings of samples."""

from __future__ import annotations

import time
from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

from appliance.metrics.folder import collected
from appliance.metrics.states import states


class Figure(IntEnum):
    """What is sampled; the numbers are those in the database and never change."""

    REQUESTS = 1  # per second
    MESSAGES = 2  # per minute
    SYNC_MS = 3  # the mean of the minute
    FEDERATION_LAG = 4  # seconds
    TASKS_WAITING = 5
    MEMORY = 6  # bytes
    DISK_USED = 7  # bytes
    DATABASE = 8  # bytes
    PUSH_WAITING = 9
    SERVERS_BEHIND = 10
    POOLS_QUEUED = 11
    POOLS_BUSY = 12


_STATES = {
    "hearth_federation_lag_seconds": Figure.FEDERATION_LAG,
    "hearth_tasks_waiting": Figure.TASKS_WAITING,
    "hearth_memory_bytes": Figure.MEMORY,
    "hearth_disk_used_bytes": Figure.DISK_USED,
    "hearth_database_bytes": Figure.DATABASE,
    "hearth_push_waiting": Figure.PUSH_WAITING,
    "hearth_federation_behind": Figure.SERVERS_BEHIND,
}


# Of what processes count themselves, added up over the pools.
_GAUGES = {"hearth_pool_queued": Figure.POOLS_QUEUED, "hearth_pool_busy": Figure.POOLS_BUSY}


class Totals(NamedTuple):
    """What had been counted at a time, in seconds of a clock that never goes back."""

    at: float
    requests: float
    messages: float
    syncs: float
    sync_seconds: float


class _Before:
    """What this process saw last: rates are told from two readings."""

    totals: Totals | None = None


def take() -> None:
    """Store a sample of every figure; of rates only from the second reading of this process on."""
    from matrix_app.storage import db, samples
    from matrix_app.storage.clock import now_ms

    found = sums()
    present = totals(found)
    values = rates(_Before.totals, present)
    _Before.totals = present
    values |= {_STATES[one.name]: one.value for one in states() if one.name in _STATES}
    values |= {figure: found.get(name, 0.0) for name, figure in _GAUGES.items()}
    with db.write():
        samples.put(now_ms(), {int(figure): value for figure, value in values.items()})


def sums() -> dict[str, float]:
    """What all processes have counted so far, and have in hand, by name."""
    found: dict[str, float] = {}
    for metric in collected():
        for sample in metric.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


def totals(sums: Mapping[str, float]) -> Totals:
    """Those from which rates are told, as of now."""
    return Totals(
        time.monotonic(),
        sums.get("hearth_requests_total", 0.0),
        sums.get("hearth_messages_total", 0.0),
        sums.get("hearth_sync_seconds_count", 0.0),
        sums.get("hearth_sync_seconds_sum", 0.0),
    )


def rates(before: Totals | None, present: Totals) -> dict[Figure, float]:
    """How fast it went between two readings; empty where totals fell, as after a start."""
    if before is None or present.at <= before.at or present.requests < before.requests:
        return {}
    seconds = present.at - before.at
    found: Mapping[Figure, float] = {
        Figure.REQUESTS: (present.requests - before.requests) / seconds,
        Figure.MESSAGES: max(0.0, present.messages - before.messages) * 60 / seconds,
    }
    syncs = present.syncs - before.syncs
    if syncs <= 0:
        return dict(found)
    return {**found, Figure.SYNC_MS: (present.sync_seconds - before.sync_seconds) * 1000 / syncs}
