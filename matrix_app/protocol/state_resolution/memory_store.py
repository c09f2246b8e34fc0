"""An `EventStore` over events in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence, Set

from matrix_app.protocol.events import Event


class InMemoryEventStore:
    """Holds the events it is given; an auth event that is not among them ends its auth chain.

    For tests, and for states that came with their auth chains, as in the answer to `send_join`.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._events = {event.event_id: event for event in events}

    def add(self, event: Event) -> None:
        """Hold one more event."""
        self._events[event.event_id] = event

    def events(self, event_ids: Iterable[str]) -> dict[str, Event]:
        """Those of the events that are held, by ID."""
        return {event_id: self._events[event_id] for event_id in event_ids if event_id in self._events}

    def auth_chain_difference(self, sets: Sequence[Collection[str]]) -> set[str]:
        """The *auth difference* of the sets; walks what is common to all of them only once."""
        if not sets:
            return set()
        first, *others = sets
        common = set(first).intersection(*others)
        # A chain that reaches an event of the common one has all that is above it in common too.
        shared = self._auth_chain(common, frozenset()) | common
        chains = [self._full_chain(set(members) - common, shared) for members in sets]
        return set().union(*chains) - chains[0].intersection(*chains[1:])

    def conflicted_subgraph(self, event_ids: Collection[str]) -> set[str]:
        """Every event on an auth path from one of the events to another, ends included."""
        ends = {event_id for event_id in event_ids if event_id in self._events}
        below = self._auth_chain(ends, frozenset())
        above = self._descendants(ends, below | ends)
        return (below & above) | (ends & below) | (ends & above)

    def _full_chain(self, event_ids: Set[str], known: Set[str]) -> set[str]:
        return self._auth_chain(event_ids, known) | (event_ids & self._events.keys()) - known

    def _auth_chain(self, event_ids: Iterable[str], known: Set[str]) -> set[str]:
        """What is reached from the events along `auth_events`, without entering `known`."""
        chain: set[str] = set()
        pending = list(event_ids)
        while pending:
            event = self._events.get(pending.pop())
            if event is None:
                continue
            for auth_id in event.auth_event_ids:
                if auth_id in self._events and auth_id not in chain and auth_id not in known:
                    chain.add(auth_id)
                    pending.append(auth_id)
        return chain

    def _descendants(self, event_ids: Iterable[str], within: Collection[str]) -> set[str]:
        """Which events of `within` have one of the events in their auth chain."""
        citing: dict[str, list[str]] = {}
        for event_id in within:
            for auth_id in self._events[event_id].auth_event_ids:
                citing.setdefault(auth_id, []).append(event_id)
        found: set[str] = set()
        pending = list(event_ids)
        while pending:
            for event_id in citing.get(pending.pop(), ()):
                if event_id not in found:
                    found.add(event_id)
                    pending.append(event_id)
        return found
