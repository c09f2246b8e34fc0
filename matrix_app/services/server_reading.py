"""Single events and states of rooms, for servers that are in them."""

from __future__ import annotations

from typing import NamedTuple

from matrix_app.protocol.errors import NotFound
from matrix_app.services.auth_chains import auth_chain_of, auth_chain_of_event
from matrix_app.services.server_access import shared_room
from matrix_app.services.server_visibility import mark_hidden
from matrix_app.storage import events, rooms, state
from matrix_app.storage.events import EventRow, Status
from matrix_app.storage.rooms import RoomIdentity


class StateAt(NamedTuple):
    """The state before an event and all that it rests on, as event nids."""

    state: list[int]
    auth_chain: list[int]


def event_for(event_id: str, origin: str) -> EventRow:
    """An event, marked where the server must get it without its content.

    Raises `NotFound` when there is none, `Forbidden` when the server is not in its room.
    """
    row = events.row_by_id(event_id)
    if row is None or row.status == Status.REJECTED:
        raise NotFound("The event is not known")
    shared_room(rooms.by_nid(row.room_nid).room_id, origin)
    # Where the state at an event is not known, nobody can tell who was there.
    return row if row.is_outlier else mark_hidden([row], origin)[0]


def state_before(room_id: str, event_id: str, origin: str) -> StateAt:
    """The state of a room before an event; raises as `event_for` does."""
    row = _event_of(shared_room(room_id, origin), event_id)
    if row.is_outlier or row.status == Status.REJECTED:
        raise NotFound("The state at the event is not known")
    nids = sorted(state.load(row.state_nid).values()) if row.state_nid is not None else []
    return StateAt(nids, list(auth_chain_of(nids)))


def auth_chain(room_id: str, event_id: str, origin: str) -> list[int]:
    """The auth chain of an event of a room; raises as `event_for` does."""
    return list(auth_chain_of_event(_event_of(shared_room(room_id, origin), event_id)))


def _event_of(room: RoomIdentity, event_id: str) -> EventRow:
    row = events.row_by_id(event_id)
    if row is None or row.room_nid != room.nid:
        raise NotFound("The event is not known in this room")
    return row


def complexity(room_id: str, origin: str) -> float:
    """How much work it is to be in a room: 1 for five hundred entries of its present state."""
    return state.current_size(shared_room(room_id, origin).nid) / 500
