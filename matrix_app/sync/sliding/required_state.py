"""Which state of a room a client wants: pairs of type and state key with wildcards (MSC4186)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from matrix_app.storage import interning
from matrix_app.sync.sliding.body import StateElement, StateRequest, Subscription

ANY: Final = "*"
MEMBER: Final = "m.room.member"
_ME: Final = "$ME"
_LAZY: Final = "$LAZY"
# How many keys a request's answers are remembered for.
_MOST_KEYS: Final = 20_000

Pair = tuple[str, str]


class Clause(NamedTuple):
    """State that is wanted: what `include` matches but for what `exclude` does."""

    include: tuple[Pair, ...]
    exclude: tuple[Pair, ...] = ()


class RequiredState(NamedTuple):
    """The state that somebody wants of a room, by value: what any of the clauses matches.

    `lazy`: members only as they appear in the timeline, unless a clause names them.
    """

    clauses: tuple[Clause, ...] = ()
    lazy: bool = False

    def union(self, other: RequiredState) -> RequiredState:
        """What either of the two matches."""
        if self == other:
            return self
        both = self.clauses + other.clauses
        plain = {pair for clause in both if not clause.exclude for pair in clause.include}
        special = {clause for clause in both if clause.exclude}
        clauses = (Clause(tuple(sorted(plain))),) if plain else ()
        return RequiredState(clauses + tuple(sorted(special)), self.lazy or other.lazy)


class RoomConfig(NamedTuple):
    """What is wanted of a room: how many events, and which state."""

    limit: int
    state: RequiredState

    def union(self, other: RoomConfig) -> RoomConfig:
        """What either of the two asks for ("Combining room configs")."""
        return RoomConfig(max(self.limit, other.limit), self.state.union(other.state))


def config_of(wanted: Subscription, user_id: str) -> RoomConfig:
    """What a list or a subscription asks for, for one user."""
    return RoomConfig(wanted.timeline_limit, _state_of(wanted.required_state, user_id))


@lru_cache(maxsize=1024)
def _state_of(asked: tuple[Pair, ...] | StateRequest, user_id: str) -> RequiredState:
    if isinstance(asked, StateRequest):
        clause = Clause(_elements(asked.include, user_id), _elements(asked.exclude, user_id))
        return RequiredState((clause,) if clause.include else (), asked.lazy_members)
    pairs = {(kind, user_id if key == _ME else key) for kind, key in asked if key != _LAZY}
    return RequiredState((Clause(tuple(sorted(pairs))),) if pairs else (), (MEMBER, _LAZY) in asked)


def _elements(elements: Iterable[StateElement], user_id: str) -> tuple[Pair, ...]:
    return tuple(sorted({(e.type, user_id if e.state_key == _ME else e.state_key) for e in elements}))


class Matcher:
    """Answers which state a request matches; by the key's nid, for which the answer never changes."""

    def __init__(self, wanted: RequiredState) -> None:
        self.wanted = wanted
        self._clauses = [(_by_type(clause.include), _by_type(clause.exclude)) for clause in wanted.clauses]
        self._known: dict[int, bool] = {}
        keys = {key for clause in wanted.clauses for kind, key in clause.include if kind in (MEMBER, ANY)}
        # Members that are asked for by name, and whether everybody is.
        self.member_ids = {key for key in keys - {ANY} if self.matches_member(key)}
        self.all_members = ANY in keys and self.matches_member(ANY)
        self.excludes = any(clause.exclude for clause in wanted.clauses)

    def select(self, nids: Collection[int]) -> set[int]:
        """Those of some (type, state_key) pairs, by nid, which match; not members that are wanted lazily."""
        if len(self._known) > _MOST_KEYS:
            self._known = {}
        known = self._known
        unknown = [nid for nid in nids if nid not in known]
        if unknown:
            known.update((nid, self._matches(*pair)) for nid, pair in interning.key_names(unknown).items())
        return {nid for nid in nids if known[nid]}

    def matches_member(self, user_id: str) -> bool:
        """Whether a user's member event matches, without regard to who appears."""
        return self._matches(MEMBER, user_id)

    def _matches(self, kind: str, key: str) -> bool:
        return any(
            self._includes(include, kind, key) and not (exclude and _covers(exclude, kind, key))
            for include, exclude in self._clauses
        )

    def _includes(self, include: dict[str, set[str]], kind: str, key: str) -> bool:
        if kind == MEMBER and self.wanted.lazy:
            # A wildcard of types does not undo that members are wanted lazily.
            keys = include.get(kind, ())
            return key in keys or ANY in keys
        return _covers(include, kind, key)


def _by_type(pairs: Iterable[Pair]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for kind, key in pairs:
        found.setdefault(kind, set()).add(key)
    return found


def _covers(pairs: dict[str, set[str]], kind: str, key: str) -> bool:
    for keys in (pairs.get(kind), pairs.get(ANY)):
        if keys is not None and (ANY in keys or key in keys):
            return True
    return False


@lru_cache(maxsize=1024)
def matcher_of(wanted: RequiredState) -> Matcher:
    """The matcher of a request for state."""
    return Matcher(wanted)
