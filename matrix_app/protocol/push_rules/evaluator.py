"""Finding the push rule that decides about an event for one user."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.push_rules.conditions import (
    Condition,
    PushContext,
    body_matches,
    body_names,
    compile_condition,
    contains_display_name,
    in_room,
    is_of_levels,
    sent_by,
)
from matrix_app.protocol.push_rules.defaults import BY_TEXT, CONTAINS_USER_NAME
from matrix_app.protocol.push_rules.event_view import EventView
from matrix_app.protocol.push_rules.kinds import KINDS, Kind
from matrix_app.protocol.push_rules.ruleset import Custom, rules_of_kind


class CompiledRule:
    """One enabled rule: its conditions as functions, and its actions."""

    __slots__ = ("actions", "asks_for_levels", "conditions", "kind", "rule_id")

    def __init__(self, kind: Kind, rule: dict[str, Any], user_id: str) -> None:
        self.kind = kind
        self.rule_id: str = rule["rule_id"]
        self.actions: list[Any] = rule["actions"]
        self.conditions = _conditions(kind, rule, user_id)
        self.asks_for_levels = not rule["default"] and any(map(is_of_levels, rule.get("conditions", ())))

    def holds(self, event: EventView, context: PushContext, display_name: str | None) -> bool:
        """Whether every condition of the rule holds."""
        for condition in self.conditions:  # noqa: SIM110 - a generator would cost as much again
            if not condition(event, context, display_name):
                return False
        return True


class Compiled:
    """A user's enabled rules, ready to be asked about any number of events.

    Without `by_text` the predefined rules are not asked that look for mentions in texts.
    """

    __slots__ = ("_without_text", "asks_for_levels", "asks_for_name", "rules", "user_id")

    def __init__(self, rules: tuple[CompiledRule, ...], user_id: str) -> None:
        self.rules = rules
        self.user_id = user_id
        self._without_text = tuple(rule for rule in rules if rule.rule_id not in BY_TEXT)
        # Whether the user's display name has to be given for any event: it takes a look at the room.
        self.asks_for_name = any(contains_display_name in rule.conditions for rule in self._without_text)
        # Whether power levels have to be given for any event: a rule of the user's own asks for them.
        self.asks_for_levels = any(rule.asks_for_levels for rule in rules)

    def actions_for(
        self, event: EventView, context: PushContext, display_name: str | None = None, *, by_text: bool = True
    ) -> list[Any] | None:
        """The actions of the first rule that matches; None when none does or the user sent the event.

        `display_name` is the user's own in that room, for rules with `contains_display_name`.
        """
        if event.sender == self.user_id:
            return None
        rule = self.rule_for(event, context, display_name, by_text=by_text)
        return None if rule is None else rule.actions

    def rule_for(
        self, event: EventView, context: PushContext, display_name: str | None = None, *, by_text: bool = True
    ) -> CompiledRule | None:
        """The first rule that matches, whoever sent the event."""
        for rule in self.rules if by_text and event.may_name_in_text else self._without_text:
            if rule.holds(event, context, display_name):
                return rule
        return None


def compile_ruleset(custom: Custom, user_id: str) -> Compiled:
    """The rules of `user_id`, whose customisations are `custom`, made ready for evaluation."""
    rules = ((kind, rule) for kind in KINDS for rule in rules_of_kind(custom, user_id, kind))
    return Compiled(
        tuple(CompiledRule(kind, rule, user_id) for kind, rule in rules if rule["enabled"]), user_id
    )


def _conditions(kind: Kind, rule: dict[str, Any], user_id: str) -> tuple[Condition, ...]:
    match kind:
        case "content":
            # A user name of old may hold `*` and `?`; the predefined rule means the name.
            matches = body_names if rule["rule_id"] == CONTAINS_USER_NAME else body_matches
            return (matches(rule["pattern"]),)
        case "room":
            return (in_room(rule["rule_id"]),)
        case "sender":
            return (sent_by(rule["rule_id"]),)
        case "override" | "postcontent" | "underride":
            return tuple(compile_condition(condition, user_id) for condition in rule["conditions"])
