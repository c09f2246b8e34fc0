"""The rules of a list as its room has them now."""

from __future__ import annotations

from typing import Final, NamedTuple

from matrix_app.protocol.policy_rules import TYPES, Rule, RuleSet, read_rule
from matrix_app.storage import events, policy_lists
from matrix_app.storage.cache import ByteCache
from matrix_app.storage.policy_lists import ListRow

_RULE_BYTES: Final = 600


class Compiled(NamedTuple):
    """The rules of a list: one by one, and made to be asked."""

    rules: list[Rule]
    bans: RuleSet


# By the snapshot of the room's state, which never changes.
_compiled: ByteCache[int, Compiled] = ByteCache("policy_rules", 16 << 20)
_NONE: Final = Compiled([], RuleSet([]))


def rules_of(row: ListRow) -> Compiled:
    """The rules of a list; none while its room is not here."""
    if row.state_nid is None:
        return _NONE
    found = _compiled.get(row.state_nid)
    if found is None:
        found = _compile(row.state_nid)
        _compiled.put(row.state_nid, found, 1000 + _RULE_BYTES * len(found.rules))
    return found


def _compile(state_nid: int) -> Compiled:
    rules = []
    for event in events.events_by_nid(policy_lists.entries(state_nid, list(TYPES))).values():
        rule = read_rule(event.type, event.content)
        if rule is not None:
            key = event.state_key or ""
            rules.append(rule._replace(event_id=event.event_id, event_type=event.type, state_key=key))
    rules.sort(key=lambda rule: (rule.kind, rule.entity))
    return Compiled(rules, RuleSet(rules))
