"""Resolving the states of forked rooms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from matrix_app.protocol.events import Event
from matrix_app.protocol.room_versions import RoomVersion
from matrix_app.protocol.state_resolution import InMemoryEventStore, resolve
from tests.factories.events import RoomBuilder
from tests.protocol.state_resolution.room_graphs import ids

TOPIC = ("m.room.topic", "")
POWER_LEVELS = ("m.room.power_levels", "")
JOIN_RULES = ("m.room.join_rules", "")


def member(user_id: str) -> tuple[str, str]:
    """The key of a membership."""
    return ("m.room.member", user_id)


def resolve_forks(*rooms: RoomBuilder) -> dict[tuple[str, str], Event]:
    """The state where the forks meet."""
    return resolve_states(rooms[0].rules, rooms, [room.state for room in rooms])


def resolve_states(
    rules: RoomVersion, rooms: Iterable[RoomBuilder], states: Iterable[Mapping[tuple[str, str], Event]]
) -> dict[tuple[str, str], Event]:
    """The resolution of the states, in any order of them, with the events of the rooms."""
    maps = [ids(state) for state in states]
    by_id = {event.event_id: event for room in rooms for event in room.events}
    store = InMemoryEventStore(by_id.values())
    resolved = resolve(rules, maps, store)
    assert resolve(rules, maps[::-1], store) == resolved
    return {key: by_id[event_id] for key, event_id in resolved.items()}


def set_topic(room: RoomBuilder, sender: str, topic: str, **fields: Any) -> Event:
    """Set the topic."""
    return room.send("m.room.topic", sender, {"topic": topic}, state_key="", **fields)
