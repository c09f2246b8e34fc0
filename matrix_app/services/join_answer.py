"""Letting a user of another server in, and what that server gets to know of the room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pyroaring import BitMap64

from matrix_app.protocol.events import Event
from matrix_app.services import received_memberships
from matrix_app.services.auth_chains import auth_chain_of, auth_chain_of_event
from matrix_app.storage import interning, members, state
from matrix_app.storage.events import EventRow
from matrix_app.storage.rooms import RoomIdentity

# A room without any of these is called by its members.
_NAMES: Final = (("m.room.name", ""), ("m.room.canonical_alias", ""))
_MOST_HEROES: Final = 5
_JOINED_OR_INVITED: Final = (members.Membership.JOIN, members.Membership.INVITE)


class JoinAnswer(NamedTuple):
    """The join and the events that go with it, as nids; what else is told of the room."""

    join: EventRow
    state: list[int]
    auth_chain: list[int]
    extra: dict[str, Any]


def join(room: RoomIdentity, event: Event, *, omit_members: bool) -> JoinAnswer:
    """Accept a join whose signatures have been checked; raises as `received_memberships.accept` does.

    The state is that before the join. With `omit_members`, of its members only those are told by whom a
    room without a name is called, and the auth chain does not repeat what is in the state.
    """
    servers = members.servers_in(room.nid)
    row = received_memberships.accept(room, event)
    before = state.load(row.state_nid) if row.state_nid is not None else {}
    if omit_members:
        shown = _without_members(row, before)
        chain = (auth_chain_of(shown) | auth_chain_of_event(row)) - BitMap64(shown)
        return JoinAnswer(row, shown, list(chain), {"members_omitted": True, "servers_in_room": servers})
    shown = sorted(before.values())
    chain = auth_chain_of(shown) | auth_chain_of_event(row)
    return JoinAnswer(row, shown, list(chain), {"members_omitted": False})


def _without_members(row: EventRow, before: Mapping[int, int]) -> list[int]:
    shown = [before[key] for key in interning.keys_of_other_types("m.room.member", before)]
    if any(key in before for key in interning.find_keys(_NAMES).values()):
        return shown
    heroes = members.earliest(row.room_nid, row.sender_nid, _JOINED_OR_INVITED, _MOST_HEROES)
    pairs = [("m.room.member", user_id) for user_id in interning.user_ids(heroes).values()]
    return shown + [before[key] for key in interning.find_keys(pairs).values() if key in before]
