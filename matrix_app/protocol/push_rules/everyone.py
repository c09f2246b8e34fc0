"""What an event means to all who keep the predefined rules, worked out once instead of once a user.

For such a user in the room, other than the sender, the outcome of an event is

    INVITED                  for the one whom `invited_user` names,
    MENTIONED                for those whom `mentioned_users` or `named_users` names,
    default_outcome(...)     for all others,

which is what the evaluator would find, rule by rule. `RoomStance` extends this to the two most common
customisations; `outcome_under` puts them together.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from typing import Final

from matrix_app.protocol.push_rules.conditions import PushContext
from matrix_app.protocol.push_rules.defaults import INVITE_FOR_ME, IS_USER_MENTION, PERSONAL
from matrix_app.protocol.push_rules.evaluator import Compiled, CompiledRule, compile_ruleset
from matrix_app.protocol.push_rules.event_view import EventView
from matrix_app.protocol.push_rules.names import NOBODY, Named
from matrix_app.protocol.push_rules.outcome import SILENT, Outcome, outcome_of
from matrix_app.protocol.push_rules.stance import RoomStance


@dataclass(frozen=True, slots=True)
class DefaultOutcome:
    """The outcome for everybody, and whether it also reaches those who want mentions only."""

    outcome: Outcome = SILENT
    # An override rule matched: it goes before any rule for the room.
    overrides_room: bool = False

    @property
    def notify(self) -> bool:
        """Whether the event counts as unread."""
        return self.outcome.notify

    @property
    def highlight(self) -> bool:
        """Whether the event is highlighted for everybody."""
        return self.outcome.highlight


_NOBODY: Final = compile_ruleset({}, "")
_IMPERSONAL: Final = Compiled(tuple(rule for rule in _NOBODY.rules if rule.rule_id not in PERSONAL), "")
_BY_ID: Final = {rule.rule_id: rule for rule in _NOBODY.rules}
_OUTCOMES: Final = {
    rule.rule_id: DefaultOutcome(outcome_of(rule.actions), rule.kind == "override")
    for rule in _IMPERSONAL.rules
}
_NO_RULE: Final = DefaultOutcome()
_NO_CONTEXT: Final = PushContext(0)

INVITED: Final = outcome_of(_BY_ID[INVITE_FOR_ME].actions)
MENTIONED: Final = outcome_of(_BY_ID[IS_USER_MENTION].actions)


def _rules_above(rule_id: str) -> tuple[CompiledRule, ...]:
    place = _NOBODY.rules.index(_BY_ID[rule_id])
    return tuple(rule for rule in _NOBODY.rules[:place] if rule.rule_id not in PERSONAL)


_ABOVE_MENTION: Final = _rules_above(IS_USER_MENTION)
_ABOVE_INVITE: Final = _rules_above(INVITE_FOR_ME)


def default_outcome(event: EventView, context: PushContext, *, by_text: bool = True) -> DefaultOutcome:
    """The outcome for a user with the predefined rules whom the event does not name."""
    rule = _IMPERSONAL.rule_for(event, context, by_text=by_text)
    return _NO_RULE if rule is None else _OUTCOMES[rule.rule_id]


def mentioned_users(event: EventView, local_users: Container[str]) -> set[str]:
    """Those of `local_users` whom `m.mentions` names, without the sender, when mentions count at all."""
    user_ids = event.value(r"content.m\.mentions.user_ids")
    if not isinstance(user_ids, list) or _any_holds(_ABOVE_MENTION, event):
        return set()
    return {
        user_id
        for user_id in user_ids
        if isinstance(user_id, str) and user_id != event.sender and user_id in local_users
    }


def named_users(event: EventView, default: DefaultOutcome, named: Named) -> set[str]:
    """Those whom the text of an event without `m.mentions` names, without the sender, if mentions count.

    User names are looked for by a content rule: no override rule may have matched.
    """
    if named is NOBODY or _any_holds(_ABOVE_MENTION, event):
        return set()
    found = named.by_name.keys() if default.overrides_room else named.by_name.keys() | named.by_user_name
    return {user_id for user_id in found if user_id != event.sender}


def invited_user(event: EventView) -> str | None:
    """The user whom the event invites, if that notifies them."""
    if event.lowered("type") != "m.room.member" or event.lowered("content.membership") != "invite":
        return None
    user_id = event.value("state_key")
    if not isinstance(user_id, str) or user_id == event.sender or _any_holds(_ABOVE_INVITE, event):
        return None
    return user_id


def outcome_under(
    stance: RoomStance, user_id: str, default: DefaultOutcome, mentioned: Container[str], invited: str | None
) -> Outcome:
    """The outcome for `user_id`, not the sender, whose stance in the room is any but `dynamic`."""
    if stance == "muted":
        return SILENT
    if user_id == invited:
        return INVITED
    if user_id in mentioned:
        return MENTIONED
    if stance == "mentions-only" and not default.overrides_room:
        return SILENT
    return default.outcome


def _any_holds(rules: tuple[CompiledRule, ...], event: EventView) -> bool:
    # The rules asked here depend on the event alone.
    return any(rule.holds(event, _NO_CONTEXT, None) for rule in rules)
