"""Auth chains: all that events rest on, as sets of event nids."""

from __future__ import annotations

from collections.abc import Iterable

from pyroaring import BitMap64

from matrix_app.storage import events
from matrix_app.storage.events import EventRow

# So many stored chains are read at a time.
_BATCH = 500


def auth_chain_of(state_nids: Iterable[int]) -> BitMap64:
    """The auth chains of state events together; an event itself is in it where another rests on it."""
    nids = list(state_nids)
    chain = BitMap64()
    for start in range(0, len(nids), _BATCH):
        # Most members of a room rest on the same events.
        for stored in set(events.auth_chains(nids[start : start + _BATCH]).values()):
            chain |= BitMap64.deserialize(stored)
    return chain


def auth_chain_of_event(row: EventRow) -> BitMap64:
    """The auth chain of any event."""
    direct = set(events.nids_by_id(events.parse(row).auth_event_ids).values())
    return auth_chain_of(direct) | BitMap64(direct)
