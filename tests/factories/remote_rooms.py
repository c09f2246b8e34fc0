"""Rooms that other servers began and a user of this one has joined, event by event."""

from __future__ import annotations

from collections.abc import Iterable

from matrix_app.protocol.events import Event, type_and_key
from matrix_app.services.adopt_state import adopt_state
from matrix_app.services.outliers import store_outliers
from matrix_app.services.received_events import store_received
from matrix_app.storage import db, events, interning, rooms, state
from matrix_app.storage.events import EventRow, Status
from matrix_app.storage.rooms import RoomIdentity
from tests.factories.events import RoomBuilder

ZOE = "@zoe:hearth.example"


def fresh(event: Event) -> Event:
    """The event as it comes from another server, without what was made of it before."""
    return Event(event.pdu, event.event_id, event.rules)


class JoinedRoom:
    """What this server has of a room in which `builder` plays the other servers.

    With `only_state`, it knows nothing of the messages from before.
    """

    def __init__(self, builder: RoomBuilder, joiner: str = ZOE, *, only_state: bool = False) -> None:
        self.builder = builder
        before = [event for event in builder.events if event.is_state or not only_state]
        state_ids = [event.event_id for event in builder.state.values()]
        self._begin(before, state_ids, builder.join(joiner))

    @classmethod
    def joined_by(cls, builder: RoomBuilder) -> JoinedRoom:
        """A room whose last event so far is the join of the first user from here."""
        room = cls.__new__(cls)
        room.builder = builder
        *before, join = builder.events
        state_ids = [event.event_id for event in builder.state.values() if event is not join]
        room._begin(before, state_ids, join)
        return room

    def _begin(self, before: list[Event], state_ids: list[str], join: Event) -> None:
        builder = self.builder
        with db.write():
            self.identity = rooms.ensure(str(builder.room_id), builder.rules.identifier)
        store_outliers(self.identity, [fresh(event) for event in before])
        adopt_state(self.identity, fresh(join), state_ids)

    def receive(self, event: Event) -> Status | None:
        """What became of an event that another server sent."""
        return store_received(self.identity, fresh(event))

    def state(self) -> dict[type_and_key, str]:
        """The present state, by event IDs."""
        return named(state.current_full(self.identity.nid))

    def extremities(self) -> set[str]:
        """The IDs of the forward extremities."""
        return {extremity.event_id for extremity in rooms.head(self.identity.nid).extremities}


def named(entries: dict[int, int]) -> dict[type_and_key, str]:
    """A state of nids by names and event IDs."""
    names, event_ids = interning.key_names(entries), events.ids_by_nid(entries.values())
    return {names[key]: event_ids[nid] for key, nid in entries.items()}


def row_of(event: Event | str) -> EventRow:
    """An event as it is stored."""
    row = events.row_by_id(event if isinstance(event, str) else event.event_id)
    assert row is not None
    return row


def ids(state_events: Iterable[Event]) -> dict[type_and_key, str]:
    """State events by their place."""
    return {(event.type, str(event.state_key)): event.event_id for event in state_events}


def snapshot_is_present_state(room: RoomIdentity) -> bool:
    """Whether the room's snapshot and the table of the present state say the same."""
    head = rooms.head(room.nid)
    assert head.state_nid is not None
    return dict(state.load(head.state_nid)) == state.current_full(room.nid)
