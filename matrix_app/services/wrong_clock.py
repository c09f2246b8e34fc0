"""What a clock leaves behind that went ahead for a while: times to try again that are hours or years away.

Nothing that waits for such a time would ever be tried, nor logged. So they are looked for every few minutes,
by the clock that only counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import structlog

from appliance.config import get_config
from matrix_app import schedule
from matrix_app.services.timer import timer
from matrix_app.storage import db, put_off
from matrix_app.storage.clock import now_ms

LOOK_SECONDS: Final = 600.0
HOUR_MS: Final = 3_600_000

_log = structlog.get_logger("matrix_app.wrong_clock")


def mend() -> int:
    """Let be due what was put off by a clock that was ahead; how much that was."""
    longest = max(get_config().federation.longest_backoff_seconds * 1000, HOUR_MS) + HOUR_MS
    with db.write():
        found = put_off.bring_back(now_ms(), longest)
    if late := schedule.bring_back():
        found["schedule"] = late
    if found:
        _log.warning("the clock was ahead: what was put off for too long is due now", **found)
    return sum(found.values())


def watch() -> Callable[[], None]:
    """Look now and then, in a worker; what is returned ends it."""
    ended = threading.Event()

    def look() -> None:
        if ended.is_set():
            return
        try:
            mend()
        finally:
            timer.call_in(LOOK_SECONDS, look)

    timer.call_in(0.0, look)
    return ended.set
