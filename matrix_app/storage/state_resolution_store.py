"""What state resolution must know of the events of a room, from the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from pyroaring import BitMap64

from matrix_app.protocol.events import Event
from matrix_app.storage import auth_chains, events

# Stands for the nid of an event that is about to be stored; greater than any other.
NEWCOMER: Final = 1 << 62


class StoredEvents:
    """An `EventStore` of the stored events, and of one more that is about to be stored."""

    def __init__(self, newcomer: Event | None = None, chain: BitMap64 | None = None) -> None:
        self._newcomer = newcomer
        self._chain = chain if chain is not None else BitMap64()

    def events(self, event_ids: Iterable[str]) -> dict[str, Event]:
        """Those of the events that are known, by ID."""
        wanted = set(event_ids)
        found: dict[str, Event] = {}
        if self._newcomer is not None and self._newcomer.event_id in wanted:
            found[self._newcomer.event_id] = self._newcomer
            wanted.discard(self._newcomer.event_id)
        nids = events.nids_by_id(wanted)
        parsed = events.events_by_nid(nids.values())
        found.update((event_id, parsed[nid]) for event_id, nid in nids.items())
        return found

    def by_nid(self, nids: Iterable[int]) -> dict[int, Event]:
        """Events by nid."""
        wanted = set(nids)
        found = events.events_by_nid(wanted - {NEWCOMER})
        if self._newcomer is not None and NEWCOMER in wanted:
            found[NEWCOMER] = self._newcomer
        return found

    def auth_chain_difference(self, sets: Sequence[Collection[str]]) -> set[str]:
        """The *auth difference* of sets of events."""
        nids = self._nids({event_id for members in sets for event_id in members})
        return self._ids(self.difference([[nids[i] for i in members if i in nids] for members in sets]))

    def conflicted_subgraph(self, event_ids: Collection[str]) -> set[str]:
        """Every event on a path along `auth_events` from one of the events to another, ends included."""
        return self._ids(self.subgraph(self._nids(event_ids).values()))

    def difference(self, sets: Sequence[Collection[int]]) -> BitMap64:
        """The auth difference, by nids."""
        common = set(sets[0]).intersection(*sets[1:])
        own = [self._full(set(members) - common) for members in sets]
        differing = BitMap64.union(BitMap64(), *own) - BitMap64.intersection(own[0], *own[1:])
        # The chains of what all sets have in common are the most: read only if that matters.
        return differing - self._full(common) if differing else differing

    def subgraph(self, nids: Iterable[int]) -> BitMap64:
        """The conflicted subgraph, by nids."""
        ends = BitMap64(nids)
        below = self._union(ends)
        chains = self._chains(below | ends)
        above = BitMap64(nid for nid, chain in chains.items() if chain.intersect(ends))
        return (below & above) | (ends & below) | (ends & above)

    def _chains(self, nids: Iterable[int]) -> dict[int, BitMap64]:
        wanted = set(nids)
        found = auth_chains.load(wanted - {NEWCOMER})
        if NEWCOMER in wanted:
            found[NEWCOMER] = self._chain
        return found

    def _full(self, nids: Collection[int]) -> BitMap64:
        return self._union(nids) | BitMap64(nids)

    def _union(self, nids: Iterable[int]) -> BitMap64:
        return BitMap64.union(BitMap64(), *self._chains(nids).values())

    def _nids(self, event_ids: Iterable[str]) -> dict[str, int]:
        wanted = set(event_ids)
        found = events.nids_by_id(wanted)
        if self._newcomer is not None and self._newcomer.event_id in wanted:
            found[self._newcomer.event_id] = NEWCOMER
        return found

    def _ids(self, nids: Iterable[int]) -> set[str]:
        return {event.event_id for event in self.by_nid(nids).values()}
