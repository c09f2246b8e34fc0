"""The one stream: positions, the log of recent changes, and who is told (design, section 4).

Positions become visible in order. On SQLite they are allocated under the write lock; on PostgreSQL
under an advisory lock that is held until the transaction ends, so it is taken as late as possible.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Final, NamedTuple

import orjson

from matrix_app.storage import db

ADVISORY_LOCK = 0x48656172  # "Hear"


class Kind(IntEnum):
    """What changed. The numbers are stored."""

    EVENT = 1
    MEMBERSHIP = 2
    RECEIPT = 3
    TYPING = 4
    ACCOUNT_DATA = 5
    ROOM_ACCOUNT_DATA = 6
    PRESENCE = 7
    TO_DEVICE = 8
    DEVICE_LIST = 9
    ONE_TIME_KEYS = 10
    UNREAD = 11
    SESSION = 12
    PUSH_RULES = 13
    STATE = 14  # an event that is a state event; EVENT is any other
    KEY_SIGNATURES = 15  # on keys of other users, which only the signer sees
    REMOTE_TO_DEVICE = 16  # messages to devices of other servers, for the sender alone
    THREAD_SUBSCRIPTION = 17


# What only the syncs of devices look for, and application services with devices of their own.
FOR_DEVICES: Final = frozenset({Kind.TO_DEVICE, Kind.ONE_TIME_KEYS})


class Change(NamedTuple):
    """One entry of the log before it has its position.

    With a room alone it concerns everybody in the room; with a user also, only that user; with a device
    also, only that device.
    """

    kind: Kind
    room_nid: int | None = None
    user_nid: int | None = None
    device_nid: int | None = None


# A device, and its user if those who wait for the user are to be woken.
Addressee = tuple[int | None, int]


class LogEntry(NamedTuple):
    """One entry of the log; `devices` are those which share a change that concerns many."""

    position: int
    kind: int
    room_nid: int | None
    user_nid: int | None
    device_nid: int | None
    devices: Sequence[Addressee] = ()


_listeners: list[Callable[[list[LogEntry]], None]] = []


def on_advance(listener: Callable[[list[LogEntry]], None]) -> Callable[[], None]:
    """Have `listener` called, in the committing thread, with the entries of each commit.

    What is returned ends it.
    """
    _listeners.append(listener)
    return lambda: _listeners.remove(listener)


def _announce(entries: list[LogEntry]) -> None:
    for listener in _listeners:
        listener(entries)


def append(changes: Sequence[Change]) -> list[int]:
    """Give each change its position, inside a write transaction; wake-ups follow the commit."""
    if not changes:
        return []  # such as when somebody else ends the same typing at the same time
    hold_positions()
    sql = "INSERT INTO stream_log (kind, room_nid, user_nid, device_nid) VALUES {values} RETURNING position"
    # Drivers bind plain integers much faster than members of an enumeration.
    rows = [(int(kind), room, user, device) for kind, room, user, device in changes]
    positions = [found[0] for found in db.insert_many(sql, 4, rows)]
    entries = [LogEntry(position, *change) for position, change in zip(positions, changes, strict=True)]
    db.on_commit(lambda: _announce(entries))
    return positions


def append_for_devices(kind: Kind, devices: Sequence[Addressee]) -> int:
    """Give a change of many devices one position (see `append`)."""
    hold_positions()
    sql = "INSERT INTO stream_log (kind, devices) VALUES (%s, %s) RETURNING position"
    position = int(db.value(sql, (int(kind), orjson.dumps(devices))))
    db.on_commit(lambda: _announce([LogEntry(position, kind, None, None, None, devices)]))
    return position


def hold_positions() -> None:
    """Let nobody else take a position before this transaction ends.

    Taking one does so anyway. Who locks rows that are also written with an event, after its position has been
    taken, calls this first: else the two could wait for one another.
    """
    if not db.in_transaction():
        raise RuntimeError("the stream moves only inside a transaction")
    if not db.is_sqlite():
        db.execute("SELECT pg_advisory_xact_lock(%s)", (ADVISORY_LOCK,))


def append_one(
    kind: Kind, *, room: int | None = None, user: int | None = None, device: int | None = None
) -> int:
    """Give one change its position (see `append`)."""
    return append([Change(kind, room, user, device)])[0]


def current_position() -> int:
    """The latest visible position; 0 before the first change."""
    if db.is_sqlite():
        return int(db.value("SELECT seq FROM sqlite_sequence WHERE name = 'stream_log'") or 0)
    return int(db.value("SELECT max(position) FROM stream_log") or 0)


def oldest_logged() -> int:
    """The oldest position that the log still has; what happened before is not in it."""
    return int(db.value("SELECT min(position) FROM stream_log") or 0)


def entries_after(position: int, limit: int = 5000) -> list[LogEntry]:
    """The log after `position`, oldest first, at most `limit` entries."""
    sql = (
        "SELECT position, kind, room_nid, user_nid, device_nid, devices FROM stream_log"
        " WHERE position > %s ORDER BY position LIMIT %s"
    )
    return [
        LogEntry(at, kind, room, user, device, orjson.loads(devices) if devices else ())
        for at, kind, room, user, device, devices in db.rows(sql, (position, limit))
    ]


def trim(keep: int = 100_000, limit: int = 20_000) -> int:
    """Remove log entries that are more than `keep` behind, about `limit` at most; the newest always stays."""
    upto = min(current_position() - keep, oldest_logged() + limit)
    return db.changed("DELETE FROM stream_log WHERE position < %s", (upto,))
