"""Running the checks beside the tasks of the worker, which must not wait for slow networks."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog
from django.db import DatabaseError, connections

from appliance.apart import ApartError

_log = structlog.get_logger(__name__)
_lock = threading.Lock()


def begin(run: Callable[[], None]) -> threading.Thread | None:
    """Run it in a thread of its own; None while another one runs in this process, which does for it."""
    if not _lock.acquire(blocking=False):
        return None
    thread = threading.Thread(target=_run, args=(run,), name="checks", daemon=True)
    thread.start()
    return thread


def _run(run: Callable[[], None]) -> None:
    try:
        run()
    except (DatabaseError, ApartError):
        _log.exception("what the checks found could not be kept")
    finally:
        connections.close_all()
        _lock.release()
