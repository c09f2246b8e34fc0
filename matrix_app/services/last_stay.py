"""The last time that a user was joined to a room, for those who no longer are."""

from __future__ import annotations

from typing import Final, NamedTuple

from matrix_app.protocol.events import type_and_key
from matrix_app.services.effects.state_changes import membership_in
from matrix_app.services.state_at import states_at
from matrix_app.storage import events, members
from matrix_app.storage.events import EventRow
from matrix_app.storage.members import MemberRow, Membership

# How many memberships (invites, bans) since the last time that the user was joined are looked through.
_MOST_STEPS: Final = 50
_NEVER: Final = (-1, -1)
_STILL: Final = ((1 << 63) - 1, 0)


class Stay(NamedTuple):
    """The last member event that said "join", and the one that ended it."""

    joined: EventRow
    ended: EventRow


def last_stay(member: MemberRow, pair: type_and_key) -> Stay | None:
    """The last stay of a user who is not joined now; None for one who never was.

    `pair` is that of the user's member events.
    """
    ended = None
    nid = member.event_nid
    for _ in range(_MOST_STEPS):
        row = events.rows_by_nid([nid]).get(nid)
        if row is None:
            return None
        if membership_in(events.parse(row)) == Membership.JOIN:
            return Stay(row, ended) if ended is not None else None
        ended = row
        before = next(iter(states_at([row.state_nid], [pair])[pair].values()), None)
        if before is None:
            return None
        nid = events.nids_by_id([before.event_id])[before.event_id]
    return None


class LastJoined:
    """Whether a user was joined after events of some rooms; looked up when it is first asked for."""

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
        stay = last_stay(member, self._pair)
        return (stay.joined.depth, stay.joined.nid) if stay else _NEVER
