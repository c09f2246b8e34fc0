"""Rooms that a user is not in any more."""

from __future__ import annotations

from collections.abc import Collection

from matrix_app.services.last_stay import last_stay
from matrix_app.storage import interning, listed_rooms, members
from matrix_app.storage.cache import ByteCache
from matrix_app.storage.listed_rooms import ListedRoom

# By the nid of the event by which it is over: that which ended the user's last stay, 0 where there was none.
_ends: ByteCache[int, int] = ByteCache("ended_stays", 1 << 18)


def end_of_stay(user_nid: int, room: ListedRoom) -> int | None:
    """The nid of the event that ended the last stay of a user who is not in a room any more.

    None for who never was in it: only invited, or knocking. Who has left may have been banned since, or
    asked to come back in vain: their stay ended before that.
    """
    known = _ends.get(room.event_nid)
    if known is None:
        row = members.get(room.room_nid, user_nid)
        pair = ("m.room.member", interning.user_id_of(user_nid))
        stay = last_stay(row, pair) if row is not None else None
        known = 0 if stay is None else stay.ended.nid
        _ends.put(room.event_nid, known, 100)
    return known or None


def was_there(user_nid: int, room: ListedRoom) -> bool:
    """Whether a user who is not in a room any more had been in it: not only invited, or knocking."""
    return end_of_stay(user_nid, room) is not None


def departed(user_nid: int, room_nids: Collection[int]) -> dict[int, ListedRoom]:
    """Those of some rooms that the user has left, or was never in, and has not forgotten."""
    found = listed_rooms.among(user_nid, room_nids)
    return {room.room_nid: without_present(room) for room in found if not room.forgotten}


def without_present(room: ListedRoom) -> ListedRoom:
    """The room without what it is like now, which is not for who is not in it."""
    return room._replace(name=None, avatar_url=None, joined_members=0, invited_members=0)
