"""The rooms of a user, kept in memory as long as the stream shows no change of them (ADR 3).

When events come, the rooms that they came to are read again; the others stay.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from matrix_app.storage import invite_state, listed_rooms
from matrix_app.storage.listed_rooms import ListedRoom
from matrix_app.storage.members import Membership
from matrix_app.storage.stream import Kind
from matrix_app.sync.hub import hub
from matrix_app.sync.sliding.ended_stays import was_there, without_present

MOST_KEPT: Final = 200_000  # rooms of all users together
PENDING: Final = (Membership.INVITE, Membership.KNOCK)

Rooms = Mapping[int, ListedRoom]


@dataclass(frozen=True, slots=True)
class _Kept:
    position: int
    rooms: dict[int, ListedRoom]


_kept: OrderedDict[int, _Kept] = OrderedDict()
_lock = threading.Lock()


def rooms_of(user_nid: int) -> Rooms:
    """A user's rooms by nid (see `listed_rooms.of_user`), as new as the hub's position at least."""
    known = hub()
    position = known.position
    entry = _kept.get(user_nid)
    if (
        entry is None
        or not known.knows(entry.position)
        or Kind.MEMBERSHIP in known.user_kinds(user_nid, entry.position)
    ):
        rooms = {room.room_nid: room for room in _shown(user_nid, listed_rooms.of_user(user_nid))}
    elif entry.position == position:
        return entry.rooms
    else:
        rooms = _brought_up(user_nid, entry)
    _keep(user_nid, _Kept(position, rooms))
    return rooms


def _brought_up(user_nid: int, entry: _Kept) -> dict[int, ListedRoom]:
    kinds = hub().room_kinds(entry.rooms, entry.position)
    changed = [nid for nid, found in kinds.items() if Kind.EVENT in found]
    if not changed:
        return entry.rooms
    found = _shown(user_nid, listed_rooms.among(user_nid, changed))
    return {**entry.rooms, **{room.room_nid: room for room in found}}


def _shown(user_nid: int, rooms: Iterable[ListedRoom]) -> list[ListedRoom]:
    """The rooms with no more than the user may know of each."""
    shown, pending = [], []
    for room in rooms:
        if room.membership in PENDING:
            pending.append(room)
        elif room.membership == Membership.JOIN:
            shown.append(room)
        elif not room.forgotten and was_there(user_nid, room):
            shown.append(without_present(room))
    if pending:
        stripped = invite_state.get_many(user_nid, [room.room_nid for room in pending])
        shown += [_told_by(room, orjson.loads(stripped.get(room.room_nid, b"[]"))) for room in pending]
    return shown


def _told_by(room: ListedRoom, events: list[Any]) -> ListedRoom:
    contents = {
        event.get("type"): event.get("content")
        for event in events
        if isinstance(event, dict) and event.get("state_key") == ""
    }

    def text(event_type: str, key: str) -> str | None:
        content = contents.get(event_type)
        found = content.get(key) if isinstance(content, dict) else None
        return found if isinstance(found, str) and found else None

    return room._replace(
        name=text("m.room.name", "name"),
        avatar_url=text("m.room.avatar", "url"),
        room_type=text("m.room.create", "type"),
        encryption=text("m.room.encryption", "algorithm"),
        joined_members=0,
        invited_members=0,
    )


def activity(room: ListedRoom) -> int:
    """The position by which lists are sorted, and after which there is nothing new of the room."""
    return max(room.room_position, room.position) if room.membership == Membership.JOIN else room.position


def _keep(user_nid: int, entry: _Kept) -> None:
    with _lock:
        _kept[user_nid] = entry
        _kept.move_to_end(user_nid)
        while len(_kept) > 1 and sum(len(kept.rooms) for kept in _kept.values()) > MOST_KEPT:
            _kept.popitem(last=False)


def clear() -> None:
    """Forget everything: for tests, which begin with another database."""
    with _lock:
        _kept.clear()
