"""Rooms: identity, extremities, and the columns that every event moves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from matrix_app.protocol.room_versions import RoomVersion, room_version
from matrix_app.storage import db, interning
from matrix_app.storage.cache import ByteCache


class RoomIdentity(NamedTuple):
    """What never changes about a room that has begun here.

    Of another, which users here are invited to or knock on, the version is what was told last (`ensure`).
    """

    nid: int
    room_id: str
    rules: RoomVersion


class RoomHead(NamedTuple):
    """Where a room stands: what the next event is built on."""

    state_nid: int | None
    position: int
    unread_ordinal: int
    extremities: list[Extremity]


class Extremity(NamedTuple):
    """A forward extremity."""

    nid: int
    event_id: str
    depth: int


_by_id: ByteCache[str, RoomIdentity] = ByteCache("rooms_by_id", 1 << 20)
_by_nid: ByteCache[int, RoomIdentity] = ByteCache("rooms_by_nid", 1 << 20)

_SELECT: Final = "SELECT nid, room_id, version, state_nid IS NOT NULL FROM room"


def _remember(identity: RoomIdentity) -> None:
    _by_id.put(identity.room_id, identity, 300)
    _by_nid.put(identity.nid, identity, 300)


def _identity(found: db.Row | None) -> RoomIdentity | None:
    if found is None:
        return None
    identity = RoomIdentity(found[0], found[1], room_version(found[2]))
    has_begun = found[3]
    if has_begun:
        db.on_commit(lambda: _remember(identity))
    return identity


def find(room_id: str) -> RoomIdentity | None:
    """The room with an ID, or None."""
    cached = _by_id.get(room_id)
    # What events name may be anything.
    if cached is not None or "\0" in room_id:
        return cached
    return _identity(db.row(f"{_SELECT} WHERE room_id = %s", (room_id,)))


def find_many(room_ids: Iterable[str]) -> dict[str, RoomIdentity]:
    """Those of the rooms that are known."""
    found, missing = {}, []
    for room_id in room_ids:
        cached = _by_id.get(room_id)
        if cached is None:
            missing.append(room_id)
        else:
            found[room_id] = cached
    if missing:
        sql = f"{_SELECT} WHERE {db.in_any('room_id')}"
        for row in db.rows(sql, (db.any_of(missing),)):
            identity = _identity(row)
            if identity is not None:
                found[identity.room_id] = identity
    return found


def by_nid(nid: int) -> RoomIdentity:
    """A room that exists."""
    cached = _by_nid.get(nid)
    if cached is not None:
        return cached
    identity = _identity(db.row(f"{_SELECT} WHERE nid = %s", (nid,)))
    if identity is None:
        raise LookupError(f"no room {nid}")
    return identity


def room_ids(nids: Iterable[int]) -> dict[int, str]:
    """The room IDs of nids that exist."""
    found, missing = {}, []
    for nid in nids:
        cached = _by_nid.get(nid)
        if cached is None:
            missing.append(nid)
        else:
            found[nid] = cached.room_id
    if missing:
        sql = f"{_SELECT} WHERE {db.in_any('nid')}"
        for row in db.rows(sql, (db.any_of(missing),)):
            identity = _identity(row)
            if identity is not None:
                found[identity.nid] = identity.room_id
    return found


def state_nid(nid: int) -> int | None:
    """The snapshot of a room's present state; None as long as it has none."""
    found: int | None = db.value("SELECT state_nid FROM room WHERE nid = %s", (nid,))
    return found


def positions(nids: Iterable[int]) -> dict[int, int]:
    """The positions of the latest events of rooms."""
    sql = f"SELECT nid, position FROM room WHERE {db.in_any('nid')}"
    return dict(db.rows(sql, (db.any_of(nids),)))


def room_version_of(nid: int) -> RoomVersion:
    """The rules of a room that exists."""
    return by_nid(nid).rules


def create(room_id: str, version: str, creator_nid: int | None, created_ts: int | None) -> RoomIdentity:
    """Add a room without any events."""
    sql = (
        "INSERT INTO room (room_id, version, creator_nid, created_ts, is_published, unread_ordinal, position)"
        " VALUES (%s, %s, %s, %s, %s, 0, 0) RETURNING nid"
    )
    nid = int(db.value(sql, (room_id, version, creator_nid, created_ts, False)))
    # Each event asks whether the room has this entry: its name is known, so that the answer is at hand.
    interning.key_nid("m.room.policy", "")
    identity = RoomIdentity(nid, room_id, room_version(version))
    db.on_commit(lambda: _remember(identity))
    return identity


def ensure(room_id: str, version: str) -> RoomIdentity:
    """The room with an ID, added without any events when it is new; inside a write transaction.

    One that has not begun here gets the version: nobody could say so far whether an earlier one was right.
    """
    sql = (
        "INSERT INTO room (room_id, version, is_published, unread_ordinal, position)"
        " VALUES (%s, %s, %s, 0, 0) ON CONFLICT (room_id) DO NOTHING"
    )
    found = find(room_id)
    if found is None:
        db.execute(sql, (room_id, version, False))
        found = find(room_id)
    if found is None:
        raise LookupError(f"no room {room_id}")
    if found.rules.identifier != version:
        db.execute("UPDATE room SET version = %s WHERE nid = %s AND state_nid IS NULL", (version, found.nid))
        found = find(room_id) or found
    return found


def set_version(room: RoomIdentity) -> None:
    """Keep the version by which a room begins, whatever was told of it; inside that transaction."""
    version = room.rules.identifier
    db.execute("UPDATE room SET version = %s WHERE nid = %s AND version <> %s", (version, room.nid, version))


def head(nid: int) -> RoomHead:
    """Where a room stands now."""
    found = db.rows(
        "SELECT r.state_nid, r.position, r.unread_ordinal, e.nid, e.event_id, e.depth FROM room r"
        " LEFT JOIN forward_extremity f ON f.room_nid = r.nid LEFT JOIN event e ON e.nid = f.event_nid"
        " WHERE r.nid = %s ORDER BY e.depth DESC, e.nid DESC",
        (nid,),
    )
    state_nid, position, ordinal = found[0][:3]
    return RoomHead(
        state_nid, position, ordinal, [Extremity(*row[3:]) for row in found if row[3] is not None]
    )


def advance(
    nid: int,
    *,
    expected: int,
    position: int,
    state_nid: int | None,
    unread_ordinal: int,
    bumped: int | None = None,
) -> bool:
    """Move a room on, if its position is still `expected`; locks its row until the transaction ends.

    `bumped` is the position of an event that puts the room up in lists, if there is one.
    """
    sql = (
        "UPDATE room SET position = %s, state_nid = %s, unread_ordinal = %s,"
        " bump_position = coalesce(%s, bump_position) WHERE nid = %s AND position = %s"
    )
    return db.changed(sql, (position, state_nid, unread_ordinal, bumped, nid, expected)) == 1


def lock(nid: int) -> int:
    """Lock a room's row for the rest of the transaction; its position."""
    suffix = "" if db.is_sqlite() else " FOR UPDATE"
    return int(db.value(f"SELECT position FROM room WHERE nid = %s{suffix}", (nid,)))


def replace_extremities(nid: int, gone: Iterable[int], new: int) -> None:
    """Make `new` a forward extremity in place of those which it follows."""
    gone = list(gone)
    if len(gone) == 1:
        sql = "UPDATE forward_extremity SET event_nid = %s WHERE room_nid = %s AND event_nid = %s"
        if db.changed(sql, (new, nid, gone[0])) == 1:
            return
    elif gone:
        sql = f"DELETE FROM forward_extremity WHERE room_nid = %s AND {db.in_any('event_nid')}"
        db.execute(sql, (nid, db.any_of(gone)))
    sql = "INSERT INTO forward_extremity (room_nid, event_nid) VALUES (%s, %s) ON CONFLICT DO NOTHING"
    db.execute(sql, (nid, new))


def any_room() -> bool:
    """Whether the server has a room, of its own or of others."""
    return db.row("SELECT 1 FROM room LIMIT 1") is not None
