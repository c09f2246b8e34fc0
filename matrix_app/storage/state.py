"""Room state as chains of differences with skips, and the present state of rooms.

A snapshot is a map from interned (type, state_key) to event nid. Snapshot k of a chain stores its
difference to the snapshot whose index is k with the lowest set bit cleared, so that any snapshot is
read through at most log2(k) links while a change costs about as many entries. A full snapshot starts
a new chain when the differences could outgrow it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from matrix_app.storage import db
from matrix_app.storage.cache import ByteCache

Snapshot = Mapping[int, int]  # key nid -> event nid

MINIMUM_CHAIN = 64
_ENTRY_BYTES = 110  # of a dictionary of ints

_snapshots: ByteCache[int, dict[int, int]] = ByteCache("state_snapshots", 24 << 20)

_CHAIN = """
WITH RECURSIVE chain(nid, base_nid, chain_index, size, entries) AS (
    SELECT nid, base_nid, chain_index, size, entries FROM state_snapshot WHERE nid = %s
    UNION ALL
    SELECT s.nid, s.base_nid, s.chain_index, s.size, s.entries
    FROM chain c JOIN state_snapshot s ON s.nid = c.base_nid
)
SELECT nid, chain_index, size, entries FROM chain ORDER BY chain_index DESC
"""


def pack(entries: Mapping[int, int]) -> bytes:
    """The stored form of (key nid, event nid) pairs."""
    flat = array("q")
    for pair in entries.items():
        flat.extend(pair)
    return flat.tobytes()


def unpack(data: bytes) -> dict[int, int]:
    """The pairs of `pack`."""
    flat = array("q")
    flat.frombytes(bytes(data))
    return dict(zip(flat[::2], flat[1::2], strict=True))


def load(snapshot_nid: int) -> Snapshot:
    """The whole state of a snapshot; do not change what is returned."""
    cached = _snapshots.get(snapshot_nid)
    if cached is not None:
        return cached
    state: dict[int, int] = {}
    for _, _, _, entries in reversed(db.rows(_CHAIN, (snapshot_nid,))):
        state.update(unpack(entries))
    removed = [key for key, event in state.items() if event == 0]
    for key in removed:
        del state[key]
    db.on_commit(lambda: _snapshots.put(snapshot_nid, state, 200 + _ENTRY_BYTES * len(state)))
    return state


def create_full(room_nid: int, state: Snapshot) -> int:
    """Store a snapshot that stands alone."""
    return _insert(room_nid, None, 0, len(state), state)


def _insert(room_nid: int, base: int | None, index: int, size: int, entries: Mapping[int, int]) -> int:
    sql = (
        "INSERT INTO state_snapshot (room_nid, base_nid, chain_index, size, entries)"
        " VALUES (%s, %s, %s, %s, %s) RETURNING nid"
    )
    return int(db.value(sql, (room_nid, base, index, size, pack(entries))))


class Chain:
    """Grows snapshots one change at a time from `parent_nid`, reading its chain once.

    Lives inside one write transaction.
    """

    def __init__(self, room_nid: int, parent_nid: int | None) -> None:
        self.room_nid = room_nid
        self.nid = parent_nid
        # (nid, index, size of the full snapshot, entries), newest first.
        self._links: list[tuple[int, int, int, dict[int, int]]] = []
        if parent_nid is not None:
            found = db.rows(_CHAIN, (parent_nid,))
            self._links = [(nid, index, size, unpack(packed)) for nid, index, size, packed in found]

    def extend(self, changes: Snapshot) -> int:
        """Store the state which `changes` (event nid 0 removes a key) make of the last; its nid."""
        if not self._links:
            return self._start(dict(changes))
        _, index, size, _ = self._links[0]
        index += 1
        if index >= max(MINIMUM_CHAIN, size):
            return self._start({**self._whole(), **changes})
        base_index = index & (index - 1)
        entries = dict(changes)
        while self._links[0][1] != base_index:
            entries = {**self._links.pop(0)[3], **entries}
        self.nid = _insert(self.room_nid, self._links[0][0], index, size, entries)
        self._links.insert(0, (self.nid, index, size, entries))
        return self.nid

    def _whole(self) -> dict[int, int]:
        state: dict[int, int] = {}
        for link in reversed(self._links):
            state.update(link[3])
        return state

    def _start(self, state: dict[int, int]) -> int:
        state = {key: event for key, event in state.items() if event}
        self.nid = create_full(self.room_nid, state)
        self._links = [(self.nid, 0, len(state), state)]
        return self.nid


def current(room_nid: int, key_nids: Iterable[int]) -> dict[int, int]:
    """The event nids of some keys in a room's present state."""
    sql = f"SELECT key_nid, event_nid FROM current_state WHERE room_nid = %s AND {db.in_any('key_nid')}"
    return dict(db.rows(sql, (room_nid, db.any_of(key_nids))))


def current_full(room_nid: int) -> dict[int, int]:
    """A room's whole present state."""
    return dict(db.rows("SELECT key_nid, event_nid FROM current_state WHERE room_nid = %s", (room_nid,)))


def current_size(room_nid: int) -> int:
    """How many entries a room's present state has."""
    return int(db.value("SELECT count(*) FROM current_state WHERE room_nid = %s", (room_nid,)))


class CurrentChange(NamedTuple):
    """One entry of a room's present state that changes; `event_nid` 0 removes it."""

    position: int
    key_nid: int
    event_nid: int
    previous_event_nid: int | None
    is_member: bool


def change_current(room_nid: int, changes: Sequence[CurrentChange]) -> None:
    """Apply changes to a room's present state, in order, and log them."""
    final = {change.key_nid: change for change in changes}
    upserts = [
        (room_nid, change.key_nid, change.event_nid, change.is_member)
        for change in final.values()
        if change.event_nid
    ]
    sql = (
        "INSERT INTO current_state (room_nid, key_nid, event_nid, is_member) VALUES {values}"
        " ON CONFLICT (room_nid, key_nid) DO UPDATE SET event_nid = excluded.event_nid"
    )
    db.insert_many(sql, 4, upserts)
    for change in final.values():
        if not change.event_nid:
            sql = "DELETE FROM current_state WHERE room_nid = %s AND key_nid = %s"
            db.execute(sql, (room_nid, change.key_nid))
    db.insert_many(
        "INSERT INTO current_state_delta (room_nid, position, key_nid, event_nid, previous_event_nid)"
        " VALUES {values}",
        5,
        [(room_nid, c.position, c.key_nid, c.event_nid or None, c.previous_event_nid) for c in changes],
    )


def current_other(room_nids: Iterable[int]) -> dict[int, dict[int, int]]:
    """The present state of rooms without its m.room.member events: room to {key: event}."""
    sql = (
        "SELECT room_nid, key_nid, event_nid FROM current_state"
        f" WHERE {db.in_any('room_nid')} AND NOT is_member"
    )
    found: dict[int, dict[int, int]] = {}
    for room, key, event in db.rows(sql, (db.any_of(room_nids),)):
        found.setdefault(room, {})[key] = event
    return found


class Delta(NamedTuple):
    """A logged change of a room's present state."""

    room_nid: int
    position: int
    key_nid: int
    event_nid: int | None
    previous_event_nid: int | None


def deltas(
    room_nids: Iterable[int], after: int, upto: int = (1 << 63) - 1, *, limit: int = (1 << 63) - 1
) -> list[Delta]:
    """What changed in the present state of rooms with after < position <= upto, oldest first."""
    sql = (
        "SELECT room_nid, position, key_nid, event_nid, previous_event_nid FROM current_state_delta"
        f" WHERE {db.in_any('room_nid')} AND position > %s AND position <= %s ORDER BY position LIMIT %s"
    )
    return [Delta(*found) for found in db.rows(sql, (db.any_of(room_nids), after, upto, limit))]


def undo(state: Mapping[int, int], later: Iterable[Delta]) -> dict[int, int]:
    """A room's state before some changes (oldest first), from the state after them."""
    before = dict(state)
    for delta in reversed(list(later)):
        if delta.previous_event_nid is None:
            before.pop(delta.key_nid, None)
        else:
            before[delta.key_nid] = delta.previous_event_nid
    return before
