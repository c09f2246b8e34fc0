"""Where state resolution finds events and what it must know of the auth graph."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from matrix_app.protocol.event_auth.selection import CREATE_KEY
from matrix_app.protocol.events import Event


class EventStore(Protocol):
    """What `resolve` asks of whoever keeps the events of the room."""

    def events(self, event_ids: Iterable[str]) -> dict[str, Event]:
        """Those of the events that are known, by ID."""
        ...

    def auth_chain_difference(self, sets: Sequence[Collection[str]]) -> set[str]:
        """The *auth difference*: what is in the full auth chain of some sets, but not of all.

        The full auth chain of a set is the union of the auth chains of its events, and these events: all
        servers agree on that, though the specification leaves the events out (ADR 8).
        """
        ...

    def conflicted_subgraph(self, event_ids: Collection[str]) -> set[str]:
        """Every event on a path along `auth_events` from one of the events to another, ends included."""
        ...


class KnownEvents:
    """The events of a store, asked for once each; that the store lacks an event is remembered too."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._events: dict[str, Event | None] = {}

    def load(self, event_ids: Iterable[str]) -> None:
        """Fetch, in one request, those of the events that were not asked for before."""
        missing = {event_id for event_id in event_ids if event_id not in self._events}
        if missing:
            self._events.update(dict.fromkeys(missing))
            self._events.update(self._store.events(missing))

    def load_auth_events(self, events: Iterable[Event]) -> None:
        """Fetch, in one request, what `auth_events` will be asked for."""
        self.load([event_id for event in events for event_id in auth_event_ids(event)])

    def get(self, event_id: str | None) -> Event | None:
        """The event, or None if the store does not know it."""
        if event_id is None:
            return None
        if event_id not in self._events:
            self.load((event_id,))
        return self._events[event_id]

    def among(self, event_ids: Iterable[str]) -> list[Event]:
        """Those of the events that the store knows."""
        event_ids = list(event_ids)
        self.load(event_ids)
        return [event for event_id in event_ids if (event := self._events[event_id]) is not None]

    def auth_events(self, event: Event) -> dict[tuple[str, str], Event]:
        """The auth events that are known, by type and state key; the first where a key occurs twice."""
        cited: dict[tuple[str, str], Event] = {}
        for auth_event in self.among(auth_event_ids(event)):
            if auth_event.state_key is not None:
                cited.setdefault((auth_event.type, auth_event.state_key), auth_event)
        return cited


def auth_event_ids(event: Event) -> list[str]:
    """The IDs of the event's auth events, with the create event where the room ID implies it."""
    # Version 12: "The room_id (being the m.room.create event's ID) implies this instead".
    if event.rules.room_id_is_create_hash and (event.type, event.state_key) != CREATE_KEY:
        return ["$" + event.room_id[1:], *event.auth_event_ids]
    return event.auth_event_ids
