"""Whether a user joined a room at some point after an event."""

from __future__ import annotations

from typing import Final

from matrix_app.protocol.events import type_and_key
from matrix_app.services.effects.state_changes import membership_in
from matrix_app.services.state_at import states_at
from matrix_app.storage import events, members
from matrix_app.storage.events import EventRow
from matrix_app.storage.members import Membership

# How many memberships (invites, bans) since the last time that the user was joined are looked through.
_MOST_STEPS: Final = 50
_NEVER: Final = (-1, -1)
_STILL: Final = ((1 << 63) - 1, 0)


class LastJoined:
    """The last time that a user was joined to each of some rooms, found when it is first asked for."""

    def __init__(self, user_nid: int, member_pair: type_and_key) -> None:
        self._user_nid = user_nid
        self._pair = member_pair
        self._places: dict[int, tuple[int, int]] = {}

    def after(self, row: EventRow) -> bool:
        """Whether the user was joined at some point after the event."""
        place = self._places.get(row.room_nid)
        if place is None:
            place = self._places[row.room_nid] = self._find(row.room_nid)
        return (row.depth, row.nid) < place

    def _find(self, room_nid: int) -> tuple[int, int]:
        member = members.get(room_nid, self._user_nid)
        if member is None:
            return _NEVER
        if member.membership == Membership.JOIN:
            return _STILL
        nid = member.event_nid
        for _ in range(_MOST_STEPS):
            row = events.rows_by_nid([nid]).get(nid)
            if row is None:
                break
            event = events.parse(row)
            if membership_in(event) == Membership.JOIN:
                return row.depth, row.nid
            before = states_at([row.state_nid], [self._pair])[self._pair]
            previous = next(iter(before.values()), None)
            if previous is None:
                break
            nid = events.nids_by_id([previous.event_id])[previous.event_id]
        return _NEVER
