"""Presence by syncing: who asks for news is connected, who stops is offline soon after.

What syncs say is kept in memory and written every few seconds for all users at once, so that a sync
costs no write of its own.
"""

from __future__ import annotations

import threading
import time
from typing import Final, NamedTuple

from matrix_app.services.presence import become, enabled
from matrix_app.services.presence_sweep import sweep
from matrix_app.services.timer import timer
from matrix_app.storage import db, presence
from matrix_app.storage.clock import now_ms

WRITE_EVERY: Final = 10.0
# A client that comes back after this long may have been taken for offline.
BACK_AFTER: Final = 15.0
FORGET_AFTER: Final = 60.0


class _Connection(NamedTuple):
    wanted: str
    until: float


_Devices = dict[int | None, _Connection]


class ConnectedUsers:
    """The users whose clients sync by way of this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users: dict[int, _Devices] = {}
        self._ticking = False

    def sync_started(self, user_nid: int, device_nid: int | None, wanted: str, seconds: float) -> None:
        """A client begins a sync of up to `seconds` with this `set_presence`.

        Reads and writes the database when that is news; "offline" leaves the presence alone.
        """
        if not enabled() or wanted == "offline":
            return
        now = time.monotonic()
        with self._lock:
            devices = self._users.setdefault(user_nid, {})
            known = any(device.until > now - BACK_AFTER for device in devices.values())
            before = devices.get(device_nid)
            devices[device_nid] = _Connection(wanted, now + seconds)
            others_online = any(device.wanted == "online" for device in devices.values())
            self._start_ticking()
        if not known or before is None or before.wanted != wanted:
            back = before is not None and before.wanted == "unavailable"
            _connected(user_nid, wanted, back=back, others_online=others_online)

    def sync_ended(self, user_nid: int, device_nid: int | None) -> None:
        """The sync is over. Touches no database."""
        now = time.monotonic()
        with self._lock:
            device = self._users.get(user_nid, {}).get(device_nid)
            if device is not None and device.until > now:
                self._users[user_nid][device_nid] = device._replace(until=now)

    def tick(self) -> None:
        """Write who has been connected lately, and let the presence of the others run out."""
        now = time.monotonic()
        with self._lock:
            self._forget(now - FORGET_AFTER if enabled() else now)
            seen = [
                nid
                for nid, devices in self._users.items()
                if any(device.until > now - WRITE_EVERY for device in devices.values())
            ]
            self._ticking = False
            if self._users:
                self._start_ticking()
        if seen:
            with db.write():
                presence.touch(seen, last_sync_ts=now_ms())
        sweep()

    def _forget(self, before: float) -> None:
        for nid, devices in list(self._users.items()):
            kept = {device: state for device, state in devices.items() if state.until > before}
            if kept:
                self._users[nid] = kept
            else:
                del self._users[nid]

    def _start_ticking(self) -> None:
        if not self._ticking:
            self._ticking = True
            timer.call_in(WRITE_EVERY, self.tick)


def _connected(user_nid: int, wanted: str, *, back: bool, others_online: bool) -> None:
    with db.write():
        row = presence.get(user_nid, lock=True)
        if row is None or row.presence == "offline":
            become(user_nid, wanted, last_sync_ts=now_ms())
        elif row.presence == "unavailable" and wanted == "online" and back:
            become(user_nid, "online", last_sync_ts=now_ms())
        elif row.presence == "online" and wanted == "unavailable" and not others_online:
            become(user_nid, "unavailable", last_sync_ts=now_ms())


connected_users = ConnectedUsers()
