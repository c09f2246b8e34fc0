"""Many rows at once, for rooms that come whole: names, events and memberships by the thousand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from matrix_app.protocol.events import type_and_key
from matrix_app.protocol.ids import domain_of
from matrix_app.storage import db, interning
from matrix_app.storage.events import NewEvent
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.members import MemberRow

_EVENT_COLUMNS = (
    "event_id, room_nid, type, key_nid, sender_nid, depth, origin_server_ts, position, status, is_outlier,"
    " state_nid, thread_root_nid, unread_ordinal, json"
)
_MEMBER_COLUMNS = ", ".join(MemberRow._fields)


def intern_users(user_ids: Iterable[str]) -> dict[str, int]:
    """The nids of users, made where they are new; inside a write transaction."""
    wanted = set(user_ids)
    found = interning.user_nids(wanted)
    new = sorted(wanted - found.keys())
    if new:
        servers = {domain_of(user_id) for user_id in new}
        server_nids = {name: interning.server_nid(name) for name in servers}
        local = local_server_name()
        made = db.insert_many(
            "INSERT INTO matrix_user (user_id, server_nid, is_local) VALUES {values} ON CONFLICT DO NOTHING"
            " RETURNING user_id, nid",
            3,
            [(user_id, server_nids[domain_of(user_id)], domain_of(user_id) == local) for user_id in new],
        )
        interning.remember_users(dict(made))
        found.update(made)
        if len(made) < len(new):
            found.update(interning.user_nids(new))
    return found


def intern_keys(pairs: Iterable[type_and_key]) -> dict[type_and_key, int]:
    """The nids of (type, state_key) pairs, made where they are new; inside a write transaction."""
    wanted = set(pairs)
    remembered = interning.remembered_keys(wanted)
    return {**remembered, **_intern_keys(sorted(wanted - remembered.keys()))}


def _intern_keys(wanted: Sequence[type_and_key]) -> dict[type_and_key, int]:
    sql = (
        "INSERT INTO state_key (type, state_key) VALUES {values} ON CONFLICT DO NOTHING"
        " RETURNING type, state_key, nid"
    )
    found = {(event_type, state_key): nid for event_type, state_key, nid in db.insert_many(sql, 2, wanted)}
    by_type: dict[str, list[str]] = {}
    for event_type, state_key in wanted:
        if (event_type, state_key) not in found:
            by_type.setdefault(event_type, []).append(state_key)
    for event_type, state_keys in by_type.items():
        sql = f"SELECT state_key, nid FROM state_key WHERE type = %s AND {db.in_any('state_key')}"
        for state_key, nid in db.rows(sql, (event_type, db.any_of(state_keys))):
            found[event_type, state_key] = nid
    interning.remember_keys(found)
    return found


def insert_events(new: Sequence[NewEvent]) -> dict[str, int]:
    """Store events; those that are stored already keep what they are. The nids of the new ones by ID."""
    sql = (
        f"INSERT INTO event ({_EVENT_COLUMNS}) VALUES {{values}} ON CONFLICT (event_id) DO NOTHING"
        " RETURNING event_id, nid"
    )
    rows = [
        (
            item.event.event_id,
            item.room_nid,
            item.event.type,
            item.key_nid,
            item.sender_nid,
            item.event.depth,
            item.event.origin_server_ts,
            item.position,
            item.status,
            item.is_outlier,
            item.state_nid,
            item.thread_root_nid,
            item.unread_ordinal,
            item.json,
        )
        for item in new
    ]
    return dict(db.insert_many(sql, 14, rows))


def put_members(rows: Sequence[MemberRow]) -> None:
    """Store memberships of users without push rules of their own."""
    sql = (
        f"INSERT INTO membership ({_MEMBER_COLUMNS}, custom_push) VALUES {{values}}"
        " ON CONFLICT (room_nid, user_nid) DO UPDATE SET membership = excluded.membership,"
        " event_nid = excluded.event_nid, sender_nid = excluded.sender_nid, forgotten = excluded.forgotten,"
        " position = excluded.position, changed_position = excluded.changed_position"
    )
    db.insert_many(sql, 10, [(*row, False) for row in rows])


def put_current(room_nid: int, entries: Mapping[int, int], member_keys: Collection[int]) -> None:
    """Set entries of a room's present state without a word in the log of changes."""
    sql = (
        "INSERT INTO current_state (room_nid, key_nid, event_nid, is_member) VALUES {values}"
        " ON CONFLICT (room_nid, key_nid) DO UPDATE SET event_nid = excluded.event_nid"
    )
    db.insert_many(sql, 4, [(room_nid, key, event, key in member_keys) for key, event in entries.items()])


def count_servers(room_nid: int, joined: Mapping[int, int]) -> None:
    """Add to the numbers of joined users of servers, by server nid."""
    sql = (
        "INSERT INTO room_server (room_nid, server_nid, joined) VALUES {values}"
        " ON CONFLICT (room_nid, server_nid) DO UPDATE SET joined = room_server.joined + excluded.joined"
    )
    db.insert_many(sql, 3, [(room_nid, server, count) for server, count in joined.items()])


class StateRow(NamedTuple):
    """What the state of a room needs to know of one of its events."""

    event_id: str
    nid: int
    key_nid: int | None
    status: int


def state_rows(room_nid: int, event_ids: Sequence[str]) -> list[StateRow]:
    """Those of the events of a room that are stored."""
    sql = f"SELECT event_id, nid, key_nid, status FROM event WHERE room_nid = %s AND {db.in_any('event_id')}"
    return [StateRow(*found) for found in db.rows(sql, (room_nid, db.any_of(event_ids)))]
