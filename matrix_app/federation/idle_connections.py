"""How many servers' connections are kept open for the next request: their number is bounded."""

from __future__ import annotations

import time
from collections import OrderedDict

from matrix_app.federation.ttl_cache import Clock


class IdleConnections:
    """Lets the connections to `most` hosts stay open at a time, each for `seconds` after its last use.

    aiohttp bounds the connections in use, but not those that wait for another request.
    """

    def __init__(self, most: int, seconds: float, clock: Clock = time.monotonic) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._used: OrderedDict[str, float] = OrderedDict()

    def may_stay(self, host: str) -> bool:
        """Note a use of the host; False when its connection has to be closed after the request."""
        now = self._clock()
        while self._used and next(iter(self._used.values())) <= now - self._seconds:
            self._used.popitem(last=False)
        if host not in self._used and len(self._used) >= self._most:
            return False
        self._used[host] = now
        self._used.move_to_end(host)
        return True
