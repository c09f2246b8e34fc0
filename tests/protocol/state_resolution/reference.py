"""State resolution as the specification's text says it, sentence by sentence: slow, recursive, obvious.

What the text leaves open is decided as Hearth decides it: rejected and unknown events never enter a
state, and version 1 resolves the conflicts of one type key by key, each against the state before the pass.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha1
from math import inf

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth import PowerLevels, auth_types_for_event, check_state_dependent
from matrix_app.protocol.events import Event, type_and_key
from matrix_app.protocol.room_versions import RoomVersion

CREATE = ("m.room.create", "")
POWER_LEVELS = ("m.room.power_levels", "")

State = Mapping[type_and_key, str]


class Reference:
    """Resolves states of a room of which `events` are known."""

    def __init__(self, rules: RoomVersion, events: Iterable[Event]) -> None:
        self.rules = rules
        self.by_id = {event.event_id: event for event in events}

    # -- the auth graph

    def auth_events(self, event: Event) -> list[Event]:
        return [self.by_id[i] for i in event.auth_event_ids if i in self.by_id]

    def auth_chain(self, event: Event) -> set[Event]:
        chain: set[Event] = set()
        for auth_event in self.auth_events(event):
            chain |= {auth_event} | self.auth_chain(auth_event)
        return chain

    def full_auth_chain(self, event_ids: Iterable[str]) -> set[Event]:
        # The one thing that is not as the text has it: an event is in its own chain (ADR 8).
        events = [self.by_id[i] for i in event_ids if i in self.by_id]
        return set(events).union(*(self.auth_chain(event) for event in events))

    def auth_difference(self, sets: Iterable[Iterable[str]]) -> set[Event]:
        chains = [self.full_auth_chain(event_ids) for event_ids in sets]
        return set[Event]().union(*chains) - chains[0].intersection(*chains)

    def conflicted_subgraph(self, event_ids: Iterable[str]) -> set[Event]:
        ends = {self.by_id[i] for i in event_ids if i in self.by_id}
        subgraph: set[Event] = set()

        def walk(event: Event, path: list[Event]) -> None:
            if path and event in ends:
                subgraph.update([*path, event])
            for auth_event in self.auth_events(event):
                walk(auth_event, [*path, event])

        for end in ends:
            walk(end, [])
        return subgraph

    # -- authorisation

    def create_event(self, event: Event) -> Event | None:
        create = self.by_id.get("$" + event.room_id[1:])
        return create if create is not None and create is not event else None

    def cited(self, event: Event, key: type_and_key) -> Event | None:
        if key == CREATE and self.rules.room_id_is_create_hash:
            return self.create_event(event)
        for auth_event in self.auth_events(event):
            if (auth_event.type, auth_event.state_key) == key:
                return auth_event
        return None

    def allowed(self, event: Event, state: State, use_auth_events: bool) -> bool:
        keys = auth_types_for_event(
            self.rules,
            type=event.type,
            sender=event.sender,
            state_key=event.state_key,
            content=event.content,
        )
        auth_state = {}
        for key in {*keys, CREATE}:
            present = self.by_id.get(state.get(key, ""))
            if key == CREATE and self.rules.room_id_is_create_hash:
                present = None
            if (present is None or present.rejected) and use_auth_events:
                present = self.cited(event, key)
            if present is not None and not present.rejected:
                auth_state[key] = present
        try:
            check_state_dependent(event, auth_state)
        except AuthorizationFailed:
            return False
        return True

    # -- version 2 and 2.1

    def is_power_event(self, event: Event) -> bool:
        if event.state_key is None:
            return False
        if event.type in ("m.room.power_levels", "m.room.join_rules"):
            return True
        return (
            event.type == "m.room.member"
            and event.content.get("membership") in ("leave", "ban")
            and event.sender != event.state_key
        )

    def sender_level(self, event: Event) -> float:
        found = {key: self.cited(event, key) for key in (CREATE, POWER_LEVELS)}
        state = {key: value for key, value in found.items() if value is not None}
        return PowerLevels.from_state(state, self.rules).user_level(event.sender)

    def reverse_topological_power_ordering(self, events: Iterable[Event]) -> list[Event]:
        remaining = set(events)
        ordered: list[Event] = []
        while remaining:
            candidates = [x for x in remaining if not remaining.intersection(self.auth_events(x))]
            smallest = min(candidates, key=lambda x: (-self.sender_level(x), x.origin_server_ts, x.event_id))
            ordered.append(smallest)
            remaining.remove(smallest)
        return ordered

    def mainline(self, power_levels: Event | None) -> list[Event]:
        if power_levels is None:
            return []
        return [power_levels, *self.mainline(self.cited(power_levels, POWER_LEVELS))]

    def mainline_position(self, event: Event, mainline: list[Event]) -> float:
        for above in self.mainline(self.cited(event, POWER_LEVELS)):
            if above in mainline:
                return mainline.index(above)
        return inf

    def mainline_ordering(self, events: Iterable[Event], power_levels: Event | None) -> list[Event]:
        mainline = self.mainline(power_levels)
        return sorted(
            events,
            key=lambda x: (-self.mainline_position(x, mainline), x.origin_server_ts, x.event_id),
        )

    def iterative_auth_checks(self, initial: State, events: Iterable[Event]) -> dict[type_and_key, str]:
        state = dict(initial)
        for event in events:
            if event.state_key is None or event.rejected:
                continue
            if self.allowed(event, state, use_auth_events=True):
                state[event.type, event.state_key] = event.event_id
        return state

    def resolve_v2(self, state_sets: Sequence[State]) -> State:
        keys = {key for state in state_sets for key in state}
        unconflicted = {
            key: state_sets[0][key]
            for key in keys
            if all(key in state and state[key] == state_sets[0].get(key) for state in state_sets)
        }
        conflicted_ids = {
            event_id for state in state_sets for key, event_id in state.items() if key not in unconflicted
        }
        conflicted = {self.by_id[i] for i in conflicted_ids if i in self.by_id}
        full = conflicted | self.auth_difference([state.values() for state in state_sets])
        if self.rules.state_resolution == "v2.1":
            full |= self.conflicted_subgraph(conflicted_ids)
        # 1
        selected = {event for event in full if self.is_power_event(event)}
        for power_event in list(selected):
            selected |= self.auth_chain(power_event) & full
        ordered = self.reverse_topological_power_ordering(selected)
        # 2
        start: State = {} if self.rules.state_resolution == "v2.1" else unconflicted
        partial = self.iterative_auth_checks(start, ordered)
        # 3
        remaining = self.mainline_ordering(full - selected, self.by_id.get(partial.get(POWER_LEVELS, "")))
        # 4
        result = self.iterative_auth_checks(partial, remaining)
        # 5
        return result | unconflicted

    # -- version 1

    def resolve_v1(self, state_sets: Sequence[State]) -> State:
        ids_of: dict[type_and_key, set[str]] = {}
        for state in state_sets:
            for key, event_id in state.items():
                ids_of.setdefault(key, set()).add(event_id)
        resolved = {key: next(iter(ids)) for key, ids in ids_of.items() if len(ids) == 1}
        conflicts = {key: self.sorted_v1(key, ids) for key, ids in ids_of.items() if len(ids) > 1}
        auth_types = ["m.room.power_levels", "m.room.join_rules", "m.room.member"]
        for event_type in auth_types:
            before = dict(resolved)
            for key, events in conflicts.items():
                if key[0] != event_type or not events:
                    continue
                own = {**before, key: events[0].event_id}
                for event in events[1:]:
                    if not self.allowed(event, own, use_auth_events=False):
                        break
                    own[key] = event.event_id
                resolved[key] = own[key]
        before = dict(resolved)
        for key, events in conflicts.items():
            passing = [e for e in events if self.allowed(e, before, use_auth_events=False)]
            if key[0] not in auth_types and passing:
                resolved[key] = passing[-1].event_id
        return resolved

    def sorted_v1(self, key: type_and_key, event_ids: Collection[str]) -> list[Event]:
        events = [self.by_id[i] for i in event_ids if i in self.by_id and not self.by_id[i].rejected]
        events = [e for e in events if (e.type, e.state_key) == key]
        return sorted(events, key=lambda e: (e.depth, -int(sha1(e.event_id.encode()).hexdigest(), 16)))

    def resolve(self, state_sets: Sequence[State]) -> State:
        if all(state == state_sets[0] for state in state_sets):
            return dict(state_sets[0])
        if self.rules.state_resolution == "v1":
            return self.resolve_v1(state_sets)
        return self.resolve_v2(state_sets)
