"""The state of a room where its forks meet.

States are handled as maps of nids, and only what conflicts, with what decides about it, is handed to the
algorithm: a conflict in a room of 20,000 members costs little more than one in a room of ten.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from matrix_app.protocol.event_auth import auth_types_for_event
from matrix_app.protocol.events import Event, type_and_key
from matrix_app.protocol.state_resolution import resolve
from matrix_app.storage import db, events, interning, state, state_entries
from matrix_app.storage.cache import ByteCache
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.state_resolution_store import StoredEvents


class PlannedState(NamedTuple):
    """A state as its difference to a snapshot; event nid 0 removes a key."""

    base_nid: int | None
    changes: Mapping[int, int]

    def entries(self) -> dict[int, int]:
        """The whole state."""
        whole = dict(state.load(self.base_nid)) if self.base_nid is not None else {}
        whole.update(self.changes)
        return {key: nid for key, nid in whole.items() if nid}

    def find(self, pairs: Iterable[type_and_key]) -> dict[type_and_key, Event]:
        """Some entries of it."""
        keys = interning.find_keys(pairs)
        nids = {pair: self.changes[key] for pair, key in keys.items() if key in self.changes}
        if self.base_nid is not None:
            rest = {pair: key for pair, key in keys.items() if key not in self.changes}
            found = state_entries.find((self.base_nid, key) for key in rest.values())
            nids.update((pair, found.get((self.base_nid, key), 0)) for pair, key in rest.items())
        parsed = events.events_by_nid({nid for nid in nids.values() if nid})
        return {pair: parsed[nid] for pair, nid in nids.items() if nid}

    def stored(self, room_nid: int) -> int | None:
        """The nid of its snapshot, made inside a write transaction if there is none yet."""
        if not self.changes:
            return self.base_nid
        return state.Chain(room_nid, self.base_nid).extend(dict(self.changes))


# Which state some snapshots resolve to never changes.
_meetings: ByteCache[frozenset[int], PlannedState] = ByteCache("resolved_states", 4 << 20)


def meet(room: RoomIdentity, snapshots: Collection[int]) -> PlannedState:
    """The state where events with these states after them meet."""
    distinct = frozenset(snapshots)
    if len(distinct) < 2:
        return PlannedState(next(iter(distinct), None), {})
    found = _meetings.get(distinct)
    if found is None:
        found = _meet(room, sorted(distinct))
        remembered = found
        db.on_commit(lambda: _meetings.put(distinct, remembered, 300 + 110 * len(remembered.changes)))
    return found


def meet_planned(room: RoomIdentity, plans: Sequence[PlannedState]) -> PlannedState:
    """The same for states that need not be stored; their events are."""
    if all(not plan.changes and plan.base_nid is not None for plan in plans):
        return meet(room, [plan.base_nid for plan in plans if plan.base_nid is not None])
    if len(plans) == 1:
        return plans[0]
    resolved = resolve_nids(room, [plan.entries() for plan in plans], StoredEvents())
    base = next((plan for plan in plans if plan.base_nid is not None), PlannedState(None, {}))
    known = state.load(base.base_nid) if base.base_nid is not None else {}
    return PlannedState(base.base_nid, difference(known, resolved))


def _meet(room: RoomIdentity, snapshots: Sequence[int]) -> PlannedState:
    states = [state.load(nid) for nid in snapshots]
    resolved = resolve_nids(room, states, StoredEvents())
    plans = [
        PlannedState(nid, difference(known, resolved)) for nid, known in zip(snapshots, states, strict=True)
    ]
    return min(plans, key=lambda plan: len(plan.changes))


def difference(before: Mapping[int, int], after: Mapping[int, int]) -> dict[int, int]:
    """What changes from one state to another; event nid 0 removes a key."""
    return {key: after.get(key, 0) for key, _ in before.items() ^ after.items()}


def resolve_nids(
    room: RoomIdentity, states: Sequence[Mapping[int, int]], store: StoredEvents
) -> Mapping[int, int]:
    """The resolution of states given by nids."""
    conflicted = {key for other in states[1:] for key, _ in states[0].items() ^ other.items()}
    if not conflicted:
        return states[0]
    differing = store.difference([set(known.values()) for known in states])
    nids = {known[key] for known in states for key in conflicted if key in known}
    involved = store.by_nid(nids.union(differing, store.subgraph(nids)))
    keys = conflicted | _needed_keys(involved.values())
    narrow = _Narrow(states, keys, store)
    resolved = resolve(room.rules, narrow.states, _Prepared(store, narrow.ids(differing)))
    result = {key: nid for key, nid in states[0].items() if key not in conflicted}
    result.update(narrow.chosen(resolved, conflicted))
    return result


def _needed_keys(involved: Iterable[Event]) -> set[int]:
    pairs: set[type_and_key] = {("m.room.create", ""), ("m.room.power_levels", "")}
    for event in involved:
        pairs.update(
            auth_types_for_event(
                event.rules,
                type=event.type,
                sender=event.sender,
                state_key=event.state_key,
                content=event.content,
            )
        )
    return set(interning.find_keys(pairs).values())


class _Narrow:
    """States cut down to some keys, with names and IDs in place of nids."""

    def __init__(self, states: Sequence[Mapping[int, int]], keys: set[int], store: StoredEvents) -> None:
        self._store = store
        self._names = interning.key_names(keys)
        cut = [{key: known[key] for key in keys if key in known} for known in states]
        parsed = store.by_nid({nid for known in cut for nid in known.values()})
        self._nids = {event.event_id: nid for nid, event in parsed.items()}
        self.states = [
            {self._names[key]: parsed[nid].event_id for key, nid in known.items()} for known in cut
        ]

    def ids(self, nids: Iterable[int]) -> set[str]:
        parsed = self._store.by_nid(nids)
        self._nids.update((event.event_id, nid) for nid, event in parsed.items())
        return {event.event_id for event in parsed.values()}

    def chosen(self, resolved: Mapping[type_and_key, str], keys: Iterable[int]) -> dict[int, int]:
        """What the resolution has for the conflicted keys, by nids again."""
        found = {key: resolved[self._names[key]] for key in keys if self._names[key] in resolved}
        unknown = [event_id for event_id in found.values() if event_id not in self._nids]
        self._nids.update(events.nids_by_id(unknown))
        return {key: self._nids[event_id] for key, event_id in found.items()}


class _Prepared:
    """A store that knows the auth difference of the whole states already."""

    def __init__(self, store: StoredEvents, differing: set[str]) -> None:
        self.events = store.events
        self.conflicted_subgraph = store.conflicted_subgraph
        self._differing = differing

    def auth_chain_difference(self, sets: Sequence[Collection[str]]) -> set[str]:
        """The difference that was found before, whatever part of the states is given."""
        return self._differing
