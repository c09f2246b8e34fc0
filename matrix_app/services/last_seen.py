"""When, from where and with what a device was last seen: gathered in memory, written now and then."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from matrix_app.services import connection_history
from matrix_app.storage import db

WRITE_EVERY = 60.0
MOST_KEPT = 10_000


class Sighting(NamedTuple):
    """One device, seen: when, and from where and with what unless that is not kept."""

    ts: int
    ip: str | None
    user_agent: str | None


_seen: dict[tuple[int, int], Sighting] = {}
_lock = threading.Lock()


class _Written:
    at = time.monotonic()


_written = _Written()


def saw(user_nid: int, device_nid: int | None, ip: str, user_agent: str) -> None:
    """Note that a device made a request. Lost when the process is killed: it is only informative."""
    if device_nid is None:
        return
    now = time.time()
    _seen[(user_nid, device_nid)] = Sighting(int(now * 1000), ip, user_agent)
    if time.monotonic() - _written.at > WRITE_EVERY or len(_seen) > MOST_KEPT:
        flush()


def flush() -> None:
    """Write what has been gathered."""
    with _lock:
        gathered = dict(_seen)
        _seen.clear()
        _written.at = time.monotonic()
    if not gathered:
        return
    active: dict[int, int] = {}
    for (user_nid, _), sighting in gathered.items():
        active[user_nid] = max(sighting.ts, active.get(user_nid, 0))
    of_account = "UPDATE account SET last_active_ts = %s WHERE user_nid = %s"
    of_device = (
        "UPDATE device SET last_seen_ts = %s, last_seen_ip = %s, last_seen_user_agent = %s WHERE nid = %s"
    )
    with db.write():
        # In one order, accounts before devices: processes that write the same at once would else wait for
        # one another.
        for user_nid, ts in sorted(active.items()):
            db.execute(of_account, (ts, user_nid))
        for (_, device_nid), sighting in sorted(gathered.items(), key=lambda item: item[0][1]):
            db.execute(of_device, (*_to_keep(sighting), device_nid))


def latest(device_nid: int, user_nid: int) -> Sighting | None:
    """A sighting that has not been written yet."""
    sighting = _seen.get((user_nid, device_nid))
    return sighting and _to_keep(sighting)


def _to_keep(sighting: Sighting) -> Sighting:
    return sighting if connection_history.is_kept() else Sighting(sighting.ts, None, None)
