"""Events by nid and by ID, and their insertion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.storage import db, redacted_content
from matrix_app.storage.cache import ByteCache
from matrix_app.storage.clock import now_ms
from matrix_app.storage.rooms import room_version_of


class Status(IntEnum):
    """What the checks on receipt made of an event. Only NORMAL ones touch state or are shown."""

    NORMAL = 0
    REJECTED = 1
    SOFT_FAILED = 2


# In `redacted_by_nid`: to be shown without its content although nothing redacted it. Stored where a message
# has removed itself; set on reading where the account of the sender has been erased.
ERASED = -1


class EventRow(NamedTuple):
    """The columns of an event. Those that can change are as they were when read."""

    nid: int
    event_id: str
    room_nid: int
    type: str
    key_nid: int | None
    sender_nid: int
    depth: int
    origin_server_ts: int
    position: int | None
    status: int
    is_outlier: bool
    state_nid: int | None
    state_after_nid: int | None
    redacted_by_nid: int | None
    thread_root_nid: int | None
    unread_ordinal: int
    json: bytes

    @property
    def state_after(self) -> int | None:
        """The snapshot after this event."""
        return self.state_nid if self.state_after_nid is None else self.state_after_nid


COLUMNS = ", ".join(EventRow._fields)
E_COLUMNS = ", ".join(f"e.{field}" for field in EventRow._fields)

_parsed: ByteCache[int, Event] = ByteCache("events", 32 << 20)


def parse(row: EventRow) -> Event:
    """The event of a row; shared, so do not change it."""
    event = _parsed.get(row.nid)
    if event is None:
        rules = room_version_of(row.room_nid)
        event = Event(
            decode_json(bytes(row.json)), row.event_id, rules, rejected=row.status == Status.REJECTED
        )
        db.on_commit(lambda: remember(row.nid, event))
    return event


def remember(nid: int, event: Event) -> None:
    """Keep the parsed form of a stored event. Only for committed ones."""
    remember_many({nid: event})


def remember_many(stored: Mapping[int, Event]) -> None:
    """The same for many, by nid."""
    for event in stored.values():
        event.json = None
    # Parsed JSON takes several times its text.
    _parsed.put_many((nid, event, 1500 + 200 * len(event.content)) for nid, event in stored.items())


def rows_by_nid(nids: Iterable[int]) -> dict[int, EventRow]:
    """Those of the events that exist."""
    sql = f"SELECT {COLUMNS} FROM event WHERE {db.in_any('nid')}"
    return {found[0]: EventRow(*found) for found in db.rows(sql, (db.any_of(nids),))}


def rows_by_id(event_ids: Iterable[str]) -> dict[str, EventRow]:
    """Those of the events that exist."""
    sql = f"SELECT {COLUMNS} FROM event WHERE {db.in_any('event_id')}"
    return {found[1]: EventRow(*found) for found in db.rows(sql, (db.any_of(event_ids),))}


def json_by_nid(nids: Iterable[int]) -> dict[int, bytes | None]:
    """The JSON of those of the events that exist; None of one that has been redacted since it was stored."""
    sql = f"SELECT nid, CASE WHEN redacted_by_nid IS NULL THEN json END FROM event WHERE {db.in_any('nid')}"
    return dict(db.rows(sql, (db.any_of(nids),)))


def row_by_id(event_id: str) -> EventRow | None:
    """The event with an ID, whatever its status, or None."""
    found = db.row(f"SELECT {COLUMNS} FROM event WHERE event_id = %s", (event_id,))
    return EventRow(*found) if found else None


def nids_by_id(event_ids: Iterable[str]) -> dict[str, int]:
    """The nids of those events that exist."""
    wanted = list(event_ids)
    if not wanted:
        return {}
    sql = f"SELECT event_id, nid FROM event WHERE {db.in_any('event_id')}"
    return dict(db.rows(sql, (db.any_of(wanted),)))


def ids_by_nid(nids: Iterable[int]) -> dict[int, str]:
    """The IDs of events."""
    sql = f"SELECT nid, event_id FROM event WHERE {db.in_any('nid')}"
    return dict(db.rows(sql, (db.any_of(nids),)))


def events_by_nid(nids: Iterable[int]) -> dict[int, Event]:
    """Parsed events, from the cache where they are there."""
    wanted = list(nids)
    found = _parsed.get_many(wanted)
    if len(found) < len(wanted) and (missing := [nid for nid in wanted if nid not in found]):
        for nid, row in rows_by_nid(missing).items():
            found[nid] = parse(row)
    return found


class NewEvent(NamedTuple):
    """What is stored of a new event; see the model for each column."""

    event: Event
    json: bytes
    room_nid: int
    key_nid: int | None
    sender_nid: int
    position: int | None
    status: int
    is_outlier: bool
    state_nid: int | None
    thread_root_nid: int | None
    unread_ordinal: int


def insert(new: NewEvent) -> int:
    """Store an event; its nid. The state after it is set by `set_state_after`."""
    sql = (
        "INSERT INTO event (event_id, room_nid, type, key_nid, sender_nid, depth, origin_server_ts, position,"
        " status, is_outlier, state_nid, thread_root_nid, unread_ordinal, json)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING nid"
    )
    event = new.event
    nid = db.value(
        sql,
        (
            event.event_id,
            new.room_nid,
            event.type,
            new.key_nid,
            new.sender_nid,
            event.depth,
            event.origin_server_ts,
            new.position,
            new.status,
            new.is_outlier,
            new.state_nid,
            new.thread_root_nid,
            new.unread_ordinal,
            new.json,
        ),
    )
    db.on_commit(lambda: remember(nid, event))
    return int(nid)


def promote(nid: int, new: NewEvent) -> None:
    """Give an outlier that was stored before the place that the same event has in the room's history.

    It gets the JSON of what has come now, which may be more than there was, unless it has been redacted.
    """
    db.execute(
        "UPDATE event SET position = %s, status = %s, is_outlier = %s, state_nid = %s, thread_root_nid = %s,"
        " unread_ordinal = %s, json = CASE WHEN redacted_by_nid IS NULL THEN %s ELSE json END"
        " WHERE nid = %s",
        (
            new.position,
            new.status,
            new.is_outlier,
            new.state_nid,
            new.thread_root_nid,
            new.unread_ordinal,
            new.json,
            nid,
        ),
    )
    db.on_commit(lambda: remember(nid, new.event))


def set_state_after(nid: int, state_after_nid: int) -> None:
    """Say which snapshot follows a state event."""
    db.execute("UPDATE event SET state_after_nid = %s WHERE nid = %s", (state_after_nid, nid))


def set_redacted(nid: int, redaction_nid: int) -> None:
    """Mark an event as redacted by another. The first redaction stays.

    Its content is kept for a while (`services/forget_redacted.py`).
    """
    sql = "UPDATE event SET redacted_by_nid = %s WHERE nid = %s AND redacted_by_nid IS NULL"
    if db.changed(sql, (redaction_nid, nid)):
        redacted_content.note(nid, now_ms())


def set_json(nid: int, event: Event, json: bytes) -> None:
    """Keep of an event no more than `event` has, whose JSON is given."""
    db.execute("UPDATE event SET json = %s WHERE nid = %s", (json, nid))
    db.on_commit(lambda: remember(nid, event))


def show(nid: int) -> None:
    """Let clients see an event that was kept from them. It stays where it is in the history of its room."""
    sql = "UPDATE event SET status = %s WHERE nid = %s AND status = %s"
    db.execute(sql, (Status.NORMAL, nid, Status.SOFT_FAILED))


def history(
    room_nid: int,
    *,
    before: tuple[int, int] | None = None,
    after: tuple[int, int] | None = None,
    limit: int,
    backwards: bool,
) -> list[EventRow]:
    """Shown events of a room in the order of history, between two (depth, nid) points, exclusive.

    `backwards` starts at the newest. Outliers, rejected and soft-failed events are not history.
    """
    low, high = after or (-1, -1), before or ((1 << 63) - 1, (1 << 63) - 1)
    order = "DESC" if backwards else "ASC"
    sql = (
        f"SELECT {COLUMNS} FROM event WHERE room_nid = %s "
        " AND (depth, nid) > (%s, %s) AND (depth, nid) < (%s, %s)"
        f" AND status = 0 AND NOT is_outlier ORDER BY depth {order}, nid {order} LIMIT %s"
    )
    return [EventRow(*found) for found in db.rows(sql, (room_nid, *low, *high, limit))]


def timeline(room_nid: int, after: int, upto: int, limit: int) -> list[EventRow]:
    """The newest `limit` shown events of a room with after < position <= upto, newest first."""
    sql = (
        f"SELECT {COLUMNS} FROM event WHERE room_nid = %s AND position > %s AND position <= %s"
        " AND position IS NOT NULL AND status = 0 ORDER BY position DESC LIMIT %s"
    )
    return [EventRow(*found) for found in db.rows(sql, (room_nid, after, upto, limit))]


def following(room_nid: int, after: int, upto: int, limit: int) -> list[EventRow]:
    """The first `limit` shown events of a room with after < position <= upto, oldest first."""
    sql = (
        f"SELECT {COLUMNS} FROM event WHERE room_nid = %s AND position > %s AND position <= %s"
        " AND position IS NOT NULL AND status = 0 ORDER BY position LIMIT %s"
    )
    return [EventRow(*found) for found in db.rows(sql, (room_nid, after, upto, limit))]


def timelines(room_nids: Sequence[int], upto: int, limit: int) -> dict[int, list[EventRow]]:
    """The newest `limit` shown events of each of several rooms with position <= upto, newest first."""
    if db.is_sqlite():
        return {nid: timeline(nid, 0, upto, limit) for nid in room_nids}
    sql = (
        f"SELECT {E_COLUMNS} FROM unnest(%s::bigint[]) AS wanted(nid) CROSS JOIN LATERAL"
        " (SELECT * FROM event WHERE room_nid = wanted.nid AND position <= %s AND position IS NOT NULL"
        "  AND status = 0 ORDER BY position DESC LIMIT %s) e"
    )
    found: dict[int, list[EventRow]] = {nid: [] for nid in room_nids}
    for columns in db.rows(sql, (list(room_nids), upto, limit)):
        row = EventRow(*columns)
        found[row.room_nid].append(row)
    for rows in found.values():
        rows.sort(key=lambda row: -(row.position or 0))
    return found


def auth_chains(nids: Iterable[int]) -> dict[int, bytes]:
    """The stored auth chains of state events."""
    sql = f"SELECT event_nid, chain FROM auth_chain WHERE {db.in_any('event_nid')}"
    return {nid: bytes(chain) for nid, chain in db.rows(sql, (db.any_of(nids),))}


def unjudged_among(nids: Iterable[int]) -> set[int]:
    """Those of the events that are outliers without an auth chain: invites that came without their room."""
    sql = (
        f"SELECT nid FROM event WHERE {db.in_any('nid')} AND is_outlier AND status = 0"
        " AND key_nid IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM auth_chain WHERE event_nid = event.nid)"
    )
    wanted = list(nids)
    return {found[0] for found in db.rows(sql, (db.any_of(wanted),))} if wanted else set()


def insert_auth_chains(chains: Sequence[tuple[int, bytes]]) -> None:
    """Store auth chains of new state events."""
    db.insert_many(
        "INSERT INTO auth_chain (event_nid, chain) VALUES {values} ON CONFLICT DO NOTHING", 2, chains
    )


def rules_of(room_nid: int) -> RoomVersion:
    """The rules of an event's room."""
    return room_version_of(room_nid)
