"""What was refused of other servers: logged, and counted by reason."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import structlog

_log = structlog.get_logger("matrix_app.federation.inbound")
_lock = threading.Lock()
_counts: Counter[str] = Counter()


def refused(reason: str, *, origin: str, **more: Any) -> None:
    """Note that something a server sent was not taken."""
    with _lock:
        _counts[reason] += 1
    _log.info("refused", reason=reason, origin=origin, **more)


def counts() -> dict[str, int]:
    """How often something was refused in this process, by reason."""
    with _lock:
        return dict(_counts)
