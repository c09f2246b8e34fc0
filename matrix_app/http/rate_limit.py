"""Rate limits: one token bucket per class of endpoint and user, or address where nobody is known."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from appliance.config import get_config
from matrix_app.http.request import Request
from matrix_app.protocol.errors import LimitExceeded

MOST_BUCKETS = 50_000
# The classes for which a user may have a limit of their own.
OWN_CLASSES = frozenset({"message", "state"})

# (class, who) -> [tokens, time of the last look]
_buckets: OrderedDict[tuple[str, str], list[float]] = OrderedDict()
_lock = threading.Lock()


def check_rate(name: str, request: Request) -> None:
    """Count a request against its class; raises `LimitExceeded`."""
    requester = request.requester_or_none
    if requester is not None and requester.has_no_rate_limits:
        return
    # A signed request of another server counts against that server, whatever address it came from.
    if requester is None:
        take(name, request.origin or request.ip)
    else:
        take(name, requester.user_id, own=requester.own_rate if name in OWN_CLASSES else None)


def take(name: str, who: str, *, amount: float = 1.0, own: tuple[int, int] | None = None) -> None:
    """Take from the bucket of a class; raises `LimitExceeded` with the wait when it is empty.

    `own` is how many a second, and at once, in place of what is configured.
    """
    limits = get_config().rate_limits
    if not limits.enabled or who in limits.exempt_users:
        return
    limit = getattr(limits, name)
    per_second, burst = own or (limit.per_second, limit.burst)
    now = time.monotonic()
    with _lock:
        bucket = _buckets.get((name, who))
        if bucket is None:
            bucket = _buckets[(name, who)] = [float(burst), now]
            if len(_buckets) > MOST_BUCKETS:
                _buckets.popitem(last=False)
        else:
            _buckets.move_to_end((name, who))
        tokens = min(burst, bucket[0] + (now - bucket[1]) * per_second)
        bucket[1] = now
        if tokens < amount:
            bucket[0] = tokens
            raise LimitExceeded(int((amount - tokens) / per_second * 1000) + 1)
        bucket[0] = tokens - amount


def give_back(name: str, who: str, *, amount: float = 1.0) -> None:
    """Put back what was taken for an attempt that should not count, such as the right password."""
    with _lock:
        bucket = _buckets.get((name, who))
        if bucket is not None:
            bucket[0] = min(float(getattr(get_config().rate_limits, name).burst), bucket[0] + amount)


def reset() -> None:
    """Fill every bucket: for tests."""
    with _lock:
        _buckets.clear()
