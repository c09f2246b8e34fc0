"""Rules of moderation policy lists ("Moderation policy lists"): what they say, and whom they mean."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final, NamedTuple

from matrix_app.protocol.globs import Glob
from matrix_app.protocol.ids import domain_of
from matrix_app.protocol.server_acl import host_of

LONGEST_ENTITY: Final = 1024


class RuleKind(StrEnum):
    """What a rule is about."""

    USER = "user"
    ROOM = "room"
    SERVER = "server"

    @property
    def event_type(self) -> str:
        """The type of the events that are such rules."""
        return f"m.policy.rule.{self}"


# The types of events, with those that lists have which are older than the specification.
TYPES: Final = {
    f"{prefix}.{kind}": kind
    for kind in RuleKind
    for prefix in ("m.policy.rule", "m.room.rule", "org.matrix.mjolnir.rule")
}
BAN: Final = "m.ban"
_BANS: Final = frozenset({BAN, "org.matrix.mjolnir.ban"})


class Rule(NamedTuple):
    """A rule: whom or what it means, and what it recommends."""

    kind: RuleKind
    entity: str
    recommendation: str
    reason: str
    event_id: str = ""
    event_type: str = ""
    state_key: str = ""

    @property
    def is_ban(self) -> bool:
        """Whether it recommends that its entity be kept out; nothing else is specified."""
        return self.recommendation in _BANS

    @property
    def is_glob(self) -> bool:
        """Whether it can mean more than one entity."""
        return "*" in self.entity or "?" in self.entity


def read_rule(event_type: str, content: Any) -> Rule | None:
    """The rule in a state event; None for one that is none, or has been taken back."""
    kind = TYPES.get(event_type)
    if kind is None or not isinstance(content, dict):
        return None
    entity, recommendation = content.get("entity"), content.get("recommendation")
    if not isinstance(entity, str) or not 0 < len(entity) <= LONGEST_ENTITY:
        return None
    if not isinstance(recommendation, str):
        return None
    reason = content.get("reason")
    return Rule(kind, entity, recommendation, reason if isinstance(reason, str) else "")


class RuleSet:
    """The bans of a list, made to be asked about many entities.

    Servers are compared by their hosts and without regard to case, as in access control lists of rooms;
    users and rooms as they are written.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._exact: dict[tuple[RuleKind, str], Rule] = {}
        self._globs: dict[RuleKind, list[tuple[Glob, Rule]]] = defaultdict(list)
        for rule in rules:
            if rule.is_ban:
                self._add(rule)

    def _add(self, rule: Rule) -> None:
        entity = rule.entity.lower() if rule.kind is RuleKind.SERVER else rule.entity
        if rule.is_glob:
            self._globs[rule.kind].append((Glob(entity), rule))
        else:
            self._exact.setdefault((rule.kind, entity), rule)

    def user(self, user_id: str) -> Rule | None:
        """The rule about a user, or about the server that the user is of."""
        return self.user_alone(user_id) or self.server(domain_of(user_id))

    def user_alone(self, user_id: str) -> Rule | None:
        """The rule about a user."""
        return self._find(RuleKind.USER, user_id)

    def server(self, server_name: str) -> Rule | None:
        """The rule about a server."""
        name = server_name.lower()
        host = host_of(name)
        found = self._find(RuleKind.SERVER, name)
        return found if found is not None or host == name else self._find(RuleKind.SERVER, host)

    def room(self, names: Iterable[str]) -> Rule | None:
        """The rule about a room, by its ID or one of its aliases."""
        return next((rule for name in names if (rule := self._find(RuleKind.ROOM, name))), None)

    def _find(self, kind: RuleKind, entity: str) -> Rule | None:
        exact = self._exact.get((kind, entity))
        if exact is not None:
            return exact
        return next((rule for glob, rule in self._globs.get(kind, ()) if glob.matches(entity)), None)
