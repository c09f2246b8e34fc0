"""The state of a room as its reader may know it: the present one, or that of when they left."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from matrix_app.protocol.events import type_and_key
from matrix_app.protocol.tokens import HistoryToken, StreamToken
from matrix_app.services.effects.state_changes import membership_in
from matrix_app.services.places import place_of
from matrix_app.services.room_access import RoomAccess
from matrix_app.storage import events, history, interning, state, state_entries
from matrix_app.storage.events import EventRow
from matrix_app.storage.state import Snapshot


def whole_state(access: RoomAccess) -> list[EventRow]:
    """Every state event."""
    if access.left is None:
        return rows_of(state.current_full(access.room.nid))
    return rows_of(snapshot_state(access.left.state_after))


def state_entry(access: RoomAccess, event_type: str, state_key: str) -> EventRow | None:
    """One state event, or None."""
    key = interning.find_key(event_type, state_key)
    if key is None:
        return None
    if access.left is None:
        nid = state.current(access.room.nid, [key]).get(key)
    elif access.left.state_after is None:
        nid = None
    else:
        place = (access.left.state_after, key)
        nid = state_entries.find([place]).get(place)
    return None if nid is None else events.rows_by_nid([nid]).get(nid)


def member_events(access: RoomAccess, at: StreamToken | HistoryToken | None) -> list[EventRow]:
    """The member events of everybody, as they were at a place of the history."""
    place = access.last_place
    if place is None and isinstance(at, StreamToken):
        return _members_when(access.room.nid, at.position)
    if at is not None:
        asked = place_of(access.room.nid, at)
        place = asked if place is None else min(place, asked)
    if place is None:
        return history.present_member_events(access.room.nid)
    last = history.last_before(access.room.nid, place)
    found = snapshot_state(last.state_after if last else None)
    names = interning.key_names(found)
    return rows_of({key: nid for key, nid in found.items() if names[key][0] == "m.room.member"})


def _members_when(room_nid: int, position: int) -> list[EventRow]:
    """The member events that were the present ones at a position of the stream.

    That is of all branches of the room's history which had come by then, as for who had synced up to there.
    """
    rows = history.present_member_events(room_nid)
    deltas = state.deltas([room_nid], position)
    names = interning.key_names({delta.key_nid for delta in deltas})
    later = [delta for delta in deltas if names[delta.key_nid][0] == "m.room.member"]
    if not later:
        return rows
    return rows_of(state.undo({row.key_nid: row.nid for row in rows if row.key_nid is not None}, later))


def with_membership(
    rows: Iterable[EventRow], membership: str | None, not_membership: str | None
) -> list[EventRow]:
    """Those member events that give `membership`, or do not give `not_membership`."""
    if membership is None and not_membership is None:
        return list(rows)
    chosen = []
    for row in rows:
        word = membership_in(events.parse(row)).word
        if word == membership or (not_membership is not None and word != not_membership):
            chosen.append(row)
    return chosen


def members_at(snapshot: int | None, user_ids: Collection[str]) -> list[EventRow]:
    """The member events of some users in a snapshot."""
    return entries_at(snapshot, [("m.room.member", user_id) for user_id in user_ids])


def entries_at(snapshot: int | None, pairs: Iterable[type_and_key]) -> list[EventRow]:
    """The events of some (type, state_key) pairs in a snapshot."""
    if snapshot is None:
        return []
    keys = interning.find_keys(pairs)
    nids = state_entries.find((snapshot, key) for key in keys.values())
    return list(events.rows_by_nid(nids.values()).values()) if nids else []


def snapshot_state(snapshot: int | None) -> Snapshot:
    """A whole snapshot; empty where the state is not known."""
    return {} if snapshot is None else state.load(snapshot)


def rows_of(found: Snapshot) -> list[EventRow]:
    """The events of a state, oldest first."""
    rows = events.rows_by_nid(found.values())
    return [rows[nid] for nid in sorted(rows)]
