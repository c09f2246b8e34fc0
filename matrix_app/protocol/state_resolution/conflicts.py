"""What the states to be resolved agree on, and what they do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

type_and_key = tuple[str, str]
StateIds = Mapping[type_and_key, str]


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Several states, divided by keys: one event per unconflicted key, any number per conflicted one."""

    unconflicted: dict[type_and_key, str]
    conflicted: dict[type_and_key, set[str]]

    def conflicted_ids(self) -> set[str]:
        """The conflicted state set."""
        return set().union(*self.conflicted.values())


def separate(state_sets: Sequence[StateIds]) -> Conflicts:
    """Version 2 of the algorithm: a key is unconflicted if every state has it with the same event."""
    first, *others = state_sets
    unconflicted = dict(set(first.items()).intersection(*(state.items() for state in others)))
    conflicted: dict[type_and_key, set[str]] = {}
    for state in state_sets:
        for key, event_id in state.items():
            if key not in unconflicted:
                conflicted.setdefault(key, set()).add(event_id)
    return Conflicts(unconflicted, conflicted)


def separate_v1(state_sets: Sequence[StateIds]) -> Conflicts:
    """Version 1: a key conflicts if two states have different events for it; lacking it is no conflict."""
    divided = separate(state_sets)
    conflicted: dict[type_and_key, set[str]] = {}
    unconflicted = divided.unconflicted
    for key, event_ids in divided.conflicted.items():
        if len(event_ids) == 1:
            unconflicted[key] = next(iter(event_ids))
        else:
            conflicted[key] = event_ids
    return Conflicts(unconflicted, conflicted)
