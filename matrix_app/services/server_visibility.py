"""Which events of a room another server may see."""

from __future__ import annotations

from collections.abc import Sequence

from matrix_app.protocol.events import type_and_key
from matrix_app.protocol.history_visibility import BeforeAndAfter, server_may_see
from matrix_app.services.state_at import states_at
from matrix_app.services.visibility import VISIBILITY, membership_word, visibility_around
from matrix_app.storage import erased_users, events, interning, members
from matrix_app.storage.events import ERASED, EventRow

# Of a server with very many users in a room, so many are looked at.
_MOST_USERS = 500


def mark_hidden(rows: Sequence[EventRow], server_name: str) -> list[EventRow]:
    """Events of one room, those marked as `ERASED` that the server must get without their content.

    These are the events that none of its users could see, and those of users whose account was erased.
    """
    if not rows:
        return []
    before = states_at({row.state_nid for row in rows}, [VISIBILITY])[VISIBILITY]
    settings = {row.nid: visibility_around(row, before) for row in rows}
    closed = [row for row in rows if not server_may_see(settings[row.nid], ())]
    hidden = {row.nid for row in rows if row.sender_nid in _erased(rows)}
    if closed:
        memberships = _Memberships(closed, server_name)
        hidden |= {
            row.nid for row in closed if not server_may_see(settings[row.nid], memberships.around(row))
        }
    return [_marked(row) if row.nid in hidden else row for row in rows]


def _erased(rows: Sequence[EventRow]) -> frozenset[int]:
    return erased_users.erased_among({row.sender_nid for row in rows})


def _marked(row: EventRow) -> EventRow:
    return row._replace(redacted_by_nid=ERASED) if row.redacted_by_nid is None else row


class _Memberships:
    """The memberships of a server's users at some events of a room."""

    def __init__(self, rows: Sequence[EventRow], server_name: str) -> None:
        users = members.users_of_server(rows[0].room_nid, server_name, _MOST_USERS)
        self._pairs: list[type_and_key] = [("m.room.member", user_id) for user_id in users]
        self._keys = interning.find_keys(self._pairs)
        self._before = states_at({row.state_nid for row in rows}, self._pairs)

    def around(self, row: EventRow) -> list[BeforeAndAfter]:
        """The membership of each user before and after an event."""
        return [self._around(row, pair) for pair in self._pairs]

    def _around(self, row: EventRow, pair: type_and_key) -> BeforeAndAfter:
        event = self._before[pair].get(row.state_nid or 0)
        before = "leave" if event is None else membership_word(event)
        if row.key_nid is not None and row.key_nid == self._keys.get(pair):
            return BeforeAndAfter(before, membership_word(events.parse(row)))
        return BeforeAndAfter.unchanged(before)
