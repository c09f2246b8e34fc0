"""The rooms in which a user's search looks."""

from __future__ import annotations

from typing import Final

from matrix_app.http.requester import Requester
from matrix_app.protocol.filters import RoomEventFilter
from matrix_app.storage import current_entries, events, members, rooms, summaries
from matrix_app.storage.members import Membership

# Of a room that is named, so many of the rooms before its upgrades are searched too.
_MOST_UPGRADES: Final = 10


def searched_rooms(reader: Requester, wanted: RoomEventFilter) -> list[int]:
    """The nids of the rooms that the user is or was in, those that the filter names if it names any."""
    memberships = members.of_user(reader.user_nid, (Membership.JOIN, Membership.LEAVE, Membership.BAN))
    mine = {member.room_nid for member in memberships if not member.forgotten}
    unwanted = {room.nid for room in rooms.find_many(wanted.not_rooms).values()}
    if wanted.rooms is not None:
        mine &= _with_predecessors({room.nid for room in rooms.find_many(wanted.rooms).values()})
    return sorted(_plain(mine - unwanted))


def _plain(room_nids: set[int]) -> set[int]:
    # "The search will not include rooms that are end to end encrypted."
    found = summaries.get_many(room_nids) if room_nids else {}
    return room_nids - {nid for nid, summary in found.items() if summary.encryption is not None}


def _with_predecessors(room_nids: set[int]) -> set[int]:
    found = set(room_nids)
    newest = room_nids
    for _ in range(_MOST_UPGRADES):
        ids = [_predecessor(row) for row in current_entries.of_rooms("m.room.create", newest).values()]
        known = rooms.find_many(room_id for room_id in ids if room_id is not None)
        newest = {room.nid for room in known.values()} - found
        if not newest:
            break
        found |= newest
    return found


def _predecessor(create: events.EventRow) -> str | None:
    match events.parse(create).content.get("predecessor"):
        case {"room_id": str(room_id)}:
            return room_id
    return None
