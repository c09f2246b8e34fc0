"""What a room's state is now, read from storage."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.events import Event, type_and_key
from matrix_app.storage import events, interning, rooms, state
from matrix_app.storage.rooms import RoomIdentity


def room_of(room_id: str) -> RoomIdentity:
    """The room with an ID."""
    room = rooms.find(room_id)
    assert room is not None
    return room


def events_of(room_id: str) -> dict[type_and_key, Event]:
    """Every present state event."""
    current = state.current_full(room_of(room_id).nid)
    names, parsed = interning.key_names(current), events.events_by_nid(current.values())
    return {names[key]: parsed[event] for key, event in current.items()}


def state_of(room_id: str) -> dict[type_and_key, dict[str, Any]]:
    """The content of every present state event."""
    return {pair: event.content for pair, event in events_of(room_id).items()}


def membership_of(room_id: str, user_id: str) -> str | None:
    """What the membership event of a user says."""
    content = state_of(room_id).get(("m.room.member", user_id))
    return None if content is None else content["membership"]
