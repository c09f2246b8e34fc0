"""The two orders in which version 2 replays conflicted events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from math import inf

from matrix_app.protocol.event_auth import PowerLevels
from matrix_app.protocol.event_auth.selection import CREATE_KEY, POWER_LEVELS_KEY
from matrix_app.protocol.events import Event
from matrix_app.protocol.state_resolution.store import KnownEvents


def power_order(events: Sequence[Event], known: KnownEvents) -> list[Event]:
    """The *reverse topological power ordering*: auth events first, then the more powerful sender.

    Events in a cycle of auth events, and those that rest on one, have no place in it and are left out.
    """
    known.load_auth_events(events)
    levels = _SenderLevels(known)
    by_id = {event.event_id: event for event in events}
    waiting_for = {event.event_id: by_id.keys() & event.auth_event_ids for event in events}
    cited_by: dict[str, list[str]] = {event_id: [] for event_id in by_id}
    for event_id, auth_ids in waiting_for.items():
        for auth_id in auth_ids:
            cited_by[auth_id].append(event_id)

    # Kahn's algorithm: of all events whose auth events are placed, place the smallest.
    ready = [levels.sort_key(event) for event in events if not waiting_for[event.event_id]]
    heapify(ready)
    ordered: list[Event] = []
    while ready:
        placed = heappop(ready)[-1]
        ordered.append(by_id[placed])
        for event_id in cited_by[placed]:
            waiting_for[event_id].discard(placed)
            if not waiting_for[event_id]:
                heappush(ready, levels.sort_key(by_id[event_id]))
    return ordered


class _SenderLevels:
    """The power levels of senders, as the auth events of what they sent give them."""

    def __init__(self, known: KnownEvents) -> None:
        self._known = known
        self._levels: dict[frozenset[str], PowerLevels] = {}

    def sort_key(self, event: Event) -> tuple[float, int, str]:
        # x < y if x's sender has the greater power level; then by origin_server_ts; then by event_id.
        return (-self._level(event), event.origin_server_ts, event.event_id)

    def _level(self, event: Event) -> float:
        cited = self._known.auth_events(event)
        state = {key: cited[key] for key in (CREATE_KEY, POWER_LEVELS_KEY) if key in cited}
        memo = frozenset(found.event_id for found in state.values())
        if memo not in self._levels:
            self._levels[memo] = PowerLevels.from_state(state, event.rules)
        return self._levels[memo].user_level(event.sender)


def mainline_order(events: Sequence[Event], power_levels: Event | None, known: KnownEvents) -> list[Event]:
    """The *mainline ordering* of the events based on `power_levels` (None: an empty mainline)."""
    # One event needs no order, and a mainline can be long.
    if len(events) < 2:
        return list(events)
    positions = _mainline_positions(events, _mainline(power_levels, known), known)
    # x < y if x's mainline position is greater; then by origin_server_ts; then by event_id.
    return sorted(
        events, key=lambda event: (-positions[event.event_id], event.origin_server_ts, event.event_id)
    )


def _mainline(power_levels: Event | None, known: KnownEvents) -> dict[str, int]:
    """The events of the mainline with their indices; one that comes back to itself ends there."""
    mainline: dict[str, int] = {}
    while power_levels is not None and power_levels.event_id not in mainline:
        mainline[power_levels.event_id] = len(mainline)
        power_levels = known.auth_events(power_levels).get(POWER_LEVELS_KEY)
    return mainline


def _mainline_positions(
    events: Sequence[Event], mainline: Mapping[str, int], known: KnownEvents
) -> dict[str, float]:
    parents = _power_levels_above(events, mainline, known)
    found: dict[str | None, float] = {None: inf}
    found.update(mainline)
    return {event.event_id: _position(parents[event.event_id], parents, found) for event in events}


def _position(
    event_id: str | None, parents: Mapping[str, str | None], found: dict[str | None, float]
) -> float:
    """Follow `parents` to the first event with a position, and give it to all events on the way."""
    path: list[str] = []
    while event_id is not None and event_id not in found:
        # Infinite until known better, so that a cycle ends the walk.
        found[event_id] = inf
        path.append(event_id)
        event_id = parents[event_id]
    position = found[event_id]
    found.update(dict.fromkeys(path, position))
    return position


def _power_levels_above(
    events: Iterable[Event], mainline: Mapping[str, int], known: KnownEvents
) -> dict[str, str | None]:
    """The power levels among the auth events of each event, of those in turn, and so on to the mainline.

    Goes up one generation of all events at a time, so that each costs one request to the store.
    """
    parents: dict[str, str | None] = {}
    generation = list(events)
    while generation:
        known.load_auth_events(generation)
        next_generation: dict[str, Event] = {}
        for event in generation:
            above = known.auth_events(event).get(POWER_LEVELS_KEY)
            parents[event.event_id] = above.event_id if above else None
            if above and above.event_id not in mainline:
                next_generation[above.event_id] = above
        generation = [event for event_id, event in next_generation.items() if event_id not in parents]
    return parents
