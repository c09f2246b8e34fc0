"""Who has news: one reader of the stream's log per process, and those who wait for it.

The hub remembers, since the process started, the latest position at which anything changed for each
room, user and device. So a sync that has nothing to show is recognised without a query, and a change
wakes only those whom it concerns. The log in the database is the truth: a wake-up that is lost only
delays its change until the next look at the log.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from functools import lru_cache

import structlog
from django.db import close_old_connections

from appliance.config.stored import refresh as refresh_settings
from appliance.web.stopping import on_stopping
from matrix_app.storage import db, members, stream
from matrix_app.storage.stream import Kind, LogEntry
from matrix_app.sync import wakeups
from matrix_app.sync.waiters import Waiters

POLL_SECONDS = 1.0
STOP_SECONDS = 5.0
MOST_REMEMBERED = 200_000

# Changes of a user that those who share a room with the user see.
_SEEN_BY_ROOMS = frozenset({Kind.PRESENCE, Kind.DEVICE_LIST})

# In the kinds of a room: the latest change of any kind.
_ANY = 0
_UNCHANGED = {_ANY: 0}

_log = structlog.get_logger(__name__)


class Hub:
    """The latest changes of rooms, users and devices, as far as this process has read the log."""

    def __init__(self) -> None:
        # Nothing is known about what happened up to here.
        self.floor = 0
        # Everything up to here has been read.
        self.position = 0
        self.waiters = Waiters()
        self._started = False
        self._reading = threading.RLock()
        self._poke = threading.Event()
        self._rooms: dict[int, dict[int, int]] = {}
        self._users: dict[int, dict[int, int]] = {}
        self._devices: dict[int, dict[int, int]] = {}
        self._stopped = False
        self._forget_listener: Callable[[], None] = _nothing
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to read the log; called on the event loop that the waiting requests run on."""
        self._loop = asyncio.get_running_loop()
        if self._thread is not None:
            return
        self._forget_listener = stream.on_advance(self.committed)
        on_stopping(self.waiters.wake_all)
        self._thread = threading.Thread(target=self._follow, name="stream-hub", daemon=True)
        self._thread.start()
        wakeups.listen(self.poke)
        wakeups.listen(self.poke, wakeups.DEVICES)

    def stop(self) -> None:
        """Stop reading and listening: for tests, which begin anew with another database."""
        self._stopped = True
        self._loop = None
        self._poke.set()
        self._forget_listener()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def poke(self) -> None:
        """The log has grown, or may have."""
        self._poke.set()

    def committed(self, entries: list[LogEntry]) -> None:
        """A transaction of this process has committed: what it did is known before it is answered."""
        with self._reading, db.without_pauses():
            if not self._started:
                return
            if entries[0].position == self.position + 1:
                self._take(entries)
            elif entries[-1].position > self.position:
                self._read()

    def catch_up(self) -> None:
        """Read whatever other processes have written up to now."""
        # Whoever commits waits for this, and would be let go first by a sync that lets others go first.
        with self._reading, db.without_pauses():
            if not self._started:
                self.floor = self.position = stream.current_position()
                self._started = True
            self._read()

    def _follow(self) -> None:
        while not self._stopped:
            try:
                self.catch_up()
                refresh_settings()
            except Exception:  # noqa: BLE001  (the boundary of the thread: logged, and it reads again)
                _log.exception("cannot read the stream's log", again_in=POLL_SECONDS)
                close_old_connections()
            self._poke.wait(POLL_SECONDS)
            self._poke.clear()

    def _read(self) -> None:
        while True:
            entries = stream.entries_after(self.position)
            if not entries:
                return
            self._take(entries)

    def _take(self, entries: list[LogEntry]) -> None:
        """Remember entries, oldest first, and wake those whom they concern."""
        rooms: set[int] = set()
        users: set[int] = set()
        for entry in entries:
            self._remember(entry, rooms, users)
        self.position = entries[-1].position
        self._forget_some()
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self.waiters.wake, rooms, users)

    def _remember(self, entry: LogEntry, rooms: set[int], users: set[int]) -> None:
        concerned: list[int] = []
        if entry.room_nid is not None and entry.user_nid is None:
            concerned.append(entry.room_nid)
        if entry.user_nid is not None:
            users.add(entry.user_nid)
            if entry.device_nid is None:
                self._users.setdefault(entry.user_nid, {})[entry.kind] = entry.position
            if entry.kind in _SEEN_BY_ROOMS:
                concerned.extend(members.joined_rooms(entry.user_nid))
        for user_nid, device_nid in entry.devices:
            if user_nid is not None:
                users.add(user_nid)
            self._devices.setdefault(device_nid, {})[entry.kind] = entry.position
        if entry.device_nid is not None:
            self._devices.setdefault(entry.device_nid, {})[entry.kind] = entry.position
        for room in concerned:
            kinds = self._rooms.setdefault(room, dict(_UNCHANGED))
            kinds[entry.kind] = entry.position
            if entry.kind == Kind.STATE:
                kinds[Kind.EVENT] = entry.position
            # After its kind, which is looked for once this says so.
            kinds[_ANY] = entry.position
            rooms.add(room)

    def _forget_some(self) -> None:
        if len(self._rooms) + len(self._users) + len(self._devices) > MOST_REMEMBERED:
            self._rooms.clear()
            self._users.clear()
            self._devices.clear()
            self.floor = self.position

    def knows(self, since: int) -> bool:
        """Whether everything that happened after `since` is remembered."""
        return self._started and self.floor <= since <= self.position

    def user_kinds(self, user_nid: int, since: int) -> set[int]:
        """The kinds of change of a user after `since`."""
        return _after(self._users.get(user_nid), since)

    def device_kinds(self, device_nid: int | None, since: int) -> set[int]:
        """The kinds of change of a device after `since`."""
        return _after(self._devices.get(device_nid or 0), since)

    def any_room_changed(self, room_nids: Iterable[int], since: int) -> bool:
        """Whether anything changed in one of the rooms after `since`."""
        known = self._rooms
        return any(known.get(room, _UNCHANGED)[_ANY] > since for room in room_nids)

    def room_kinds(self, room_nids: Iterable[int], since: int) -> dict[int, set[int]]:
        """The rooms with changes after `since`, and of which kinds."""
        known = self._rooms
        return {
            room: _after(kinds, since)
            for room in room_nids
            if (kinds := known.get(room, _UNCHANGED))[_ANY] > since
        }


def _nothing() -> None:
    """What stops a hub that was never started."""


def _after(kinds: dict[int, int] | None, since: int) -> set[int]:
    if kinds is None:
        return set()
    # Copied first: the reading thread may add a kind meanwhile.
    return {kind for kind, position in list(kinds.items()) if position > since and kind != _ANY}


def start() -> None:
    """Start the hub of this process, on the event loop of its web server."""
    hub().start()


@lru_cache(maxsize=1)
def hub() -> Hub:
    """The hub of this process."""
    return Hub()
