"""What each connection of sliding sync has been sent, kept so that it survives restarts.

A version never changes: an answer that sends more makes the next one, as a difference to the version
that the client has. Answers with news of rooms that the client has already make none, so a connection in
its steady state writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import msgspec

from matrix_app.protocol.errors import UnknownPos
from matrix_app.storage import db, sliding
from matrix_app.storage.cache import ByteCache
from matrix_app.storage.clock import now_ms
from matrix_app.storage.sliding import VersionRow
from matrix_app.sync.sliding.required_state import RequiredState

MOST_CONNECTIONS: Final = 16  # of a device
MOST_ROOMS: Final = 20_000  # of a connection
MOST_CONFIGS: Final = 200
MOST_MEMBERS: Final = 100  # lazy ones that are remembered for each room
LONGEST_CHAIN: Final = 16
# How exactly it is known when a connection was last used.
_USED_MS: Final = 24 * 3_600_000

LIVE: Final = 0
# In place of a timeline limit: what was sent is no more than an invite or a knock; that it is all over.
STRIPPED: Final = -1
OVER: Final = -2

_ROOM_BYTES = 150


class Sent(NamedTuple):
    """What a connection has been sent of a room.

    `since`: everything up to there; `LIVE` for up to the client's position. `limit`: so many of the latest
    events, at least. `config` is the number of a `RequiredState`. `flags` are what else it has.
    `members` are nids of member events that were sent as their users appeared.
    """

    since: int
    limit: int
    config: int
    flags: int = 0
    members: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """A version of what was sent on a connection."""

    # 0 for one that is not stored yet.
    nid: int
    version: int = 0
    rooms: Mapping[int, Sent] = field(default_factory=dict)
    configs: tuple[RequiredState, ...] = ()
    # The stored versions that this one is read from, oldest first; the bytes of the first, and of the rest.
    chain: tuple[int, ...] = ()
    first_bytes: int = 0
    rest_bytes: int = 0
    # Whose it is to be, and its name.
    owner: tuple[int, str] = (0, "")


class _Entries(msgspec.Struct, array_like=True):
    """What is stored of a version: None removes a room; configurations are added at the end."""

    rooms: dict[int, Sent | None] = {}
    configs: list[RequiredState] = []


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Entries)

_kept: ByteCache[tuple[int, int], Connection] = ByteCache("sliding_connections", 16 << 20)
# When a connection was last known to be marked as used.
_used: ByteCache[tuple[int, int, str], int] = ByteCache("sliding_connections_used", 1 << 20)


def begin(device_nid: int, conn_id: str) -> Connection:
    """A new connection. Storing what it is sent ends one of the same name."""
    return Connection(0, owner=(device_nid, conn_id))


def find(nid: int, version: int, device_nid: int, conn_id: str) -> Connection:
    """A version of a device's connection; raises `UnknownPos` when it is not there (any more)."""
    _check_owner(nid, device_nid, conn_id)
    kept = _kept.get((nid, version))
    if kept is not None or version == 0:
        return kept or Connection(nid)
    connection = _load(nid, version)
    _keep(connection)
    return connection


def _check_owner(nid: int, device_nid: int, conn_id: str) -> None:
    key = (nid, device_nid, conn_id)
    used = _used.get(key)
    if used is None:
        used = sliding.find(*key)
        if used is None:
            raise UnknownPos("The connection has expired")
    elif used > now_ms() - _USED_MS:
        return
    if used <= now_ms() - _USED_MS:
        with db.write():
            sliding.touch(nid)
        used = now_ms()
    _used.put(key, used, 200)


def _load(nid: int, version: int) -> Connection:
    rows = {row.version: row for row in sliding.versions_upto(nid, version)}
    links: list[VersionRow] = []
    wanted = version
    while wanted:
        if wanted not in rows:
            raise UnknownPos("The position has expired")
        links.insert(0, rows[wanted])
        wanted = rows[wanted].base
    rooms: dict[int, Sent] = {}
    configs: list[RequiredState] = []
    for link in links:
        entries = _decoder.decode(link.entries)
        configs += entries.configs
        _apply(rooms, entries.rooms)
    return Connection(
        nid,
        version,
        rooms,
        tuple(configs),
        tuple(link.version for link in links),
        len(links[0].entries),
        sum(len(link.entries) for link in links[1:]),
    )


def _apply(rooms: dict[int, Sent], changes: Mapping[int, Sent | None]) -> None:
    for nid, sent in changes.items():
        if sent is None:
            rooms.pop(nid, None)
        else:
            rooms[nid] = sent


def _keep(connection: Connection) -> None:
    members = sum(len(sent.members) for sent in connection.rooms.values())
    size = 500 + _ROOM_BYTES * len(connection.rooms) + 40 * members
    _kept.put((connection.nid, connection.version), connection, size)


def store(
    before: Connection, changes: Mapping[int, Sent | None], configs: tuple[RequiredState, ...]
) -> Connection:
    """The version that an answer makes of `before`; the same when nothing changes.

    `configs` are all that entries name. Raises `UnknownPos` when the connection has ended, or has grown
    past its bounds: the client begins anew.
    """
    if before.nid and not changes:
        return before
    rooms = dict(before.rooms)
    _apply(rooms, changes)
    if len(rooms) > MOST_ROOMS or len(configs) > MOST_CONFIGS:
        raise UnknownPos("The connection has become too large")
    # A client whose position is lost in a power cut begins anew.
    with db.write_unsynced():
        if before.nid:
            version = sliding.next_version(before.nid)
            if version is None:
                raise UnknownPos("The connection has expired")
        else:
            version = 1 if changes else 0
            nid = sliding.begin(*before.owner, version, MOST_CONNECTIONS)
            if nid is None:
                raise UnknownPos("Another connection of this name has begun")
            before = replace(before, nid=nid)
        after = _write(before, version, rooms, changes, configs) if changes else before
    _keep(after)
    return after


def _write(
    before: Connection,
    version: int,
    rooms: dict[int, Sent],
    changes: Mapping[int, Sent | None],
    configs: tuple[RequiredState, ...],
) -> Connection:
    packed = _pack(dict(changes), configs[len(before.configs) :])
    rest = before.rest_bytes + len(packed)
    if not before.chain or len(before.chain) >= LONGEST_CHAIN or rest > before.first_bytes:
        rooms, configs = _renumbered(rooms, configs)
        packed = _pack(dict(rooms), configs)
        after = Connection(before.nid, version, rooms, configs, (version,), len(packed), 0)
        base = 0
    else:
        chain = (*before.chain, version)
        after = Connection(before.nid, version, rooms, configs, chain, before.first_bytes, rest)
        base = before.version
    sliding.put_version(before.nid, VersionRow(version, base, packed))
    if version > 1:
        oldest = before.chain[0] if before.chain else 0
        sliding.forget_versions(before.nid, oldest_needed=oldest, made_from=before.version, newest=version)
    return after


def _pack(rooms: dict[int, Sent | None], configs: tuple[RequiredState, ...]) -> bytes:
    return _encoder.encode(_Entries(rooms, list(configs)))


def _renumbered(
    rooms: dict[int, Sent], configs: tuple[RequiredState, ...]
) -> tuple[dict[int, Sent], tuple[RequiredState, ...]]:
    """Without the configurations that no room has any more."""
    used = sorted({sent.config for sent in rooms.values()})
    if len(used) == len(configs):
        return rooms, configs
    numbers = {old: new for new, old in enumerate(used)}
    renumbered = {nid: sent._replace(config=numbers[sent.config]) for nid, sent in rooms.items()}
    return renumbered, tuple(configs[number] for number in used)
