"""A user's push rules: the predefined ones and what the user made of them.

What is stored for a user is one JSON object, `Custom`:

    {"defaults": {rule_id: {"enabled": bool, "actions": [...]}},       only what was changed
     "threads": True,                                                   for who subscribes to threads
     "rules": {kind: [{"rule_id", "enabled", "actions", "conditions" or "pattern"}, ...]}}

All keys, and every kind, are absent while there is nothing to say; `{}` is a user who never changed
anything. Rules stand in order of importance. No function changes what it is given. `by_text` is whether
there are the predefined rules that look for mentions in texts; a user's changes of them are kept without.
"""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.errors import BadRequest, InvalidParam, NotFound
from matrix_app.protocol.push_rules.defaults import MASTER, default_rule, default_rules
from matrix_app.protocol.push_rules.kinds import KINDS, Kind, parse_kind
from matrix_app.protocol.push_rules.validation import (
    checked_actions,
    checked_enabled,
    checked_parameters,
    checked_rule_id,
)

Custom = dict[str, Any]
Rule = dict[str, Any]


def full_ruleset(custom: Custom, user_id: str, *, by_text: bool = True) -> dict[str, dict[str, list[Rule]]]:
    """All the rules of `user_id` as the API shows them, `{"global": {kind: [rule, ...]}}`."""
    kinds = [kind for kind in KINDS if kind != "postcontent" or has_thread_rules(custom)]
    return {"global": {kind: rules_of_kind(custom, user_id, kind, by_text=by_text) for kind in kinds}}


def has_thread_rules(custom: Custom) -> bool:
    """Whether threads notify by subscriptions: not for users whose clients know of none (MSC4306)."""
    return bool(custom.get("threads"))


def with_thread_rules(custom: Custom) -> Custom:
    """`custom` of somebody who subscribes to threads."""
    return custom | {"threads": True}


def rules_of_kind(custom: Custom, user_id: str, kind: str, *, by_text: bool = True) -> list[Rule]:
    """The rules of one kind, most important first; raises `BadRequest` for an unknown kind."""
    # Predefined rules stand below the user's own, but for the master rule, which is above all.
    parsed = parse_kind(kind)
    if parsed == "postcontent" and not has_thread_rules(custom):
        return []
    changed = custom.get("defaults", {})
    defaults = default_rules(parsed, user_id, by_text=by_text)
    predefined = [rule | changed.get(rule["rule_id"], {}) for rule in defaults]
    above = [rule for rule in predefined if rule["rule_id"] == MASTER]
    below = [rule for rule in predefined if rule["rule_id"] != MASTER]
    return above + [rule | {"default": False} for rule in own_rules(custom, parsed)] + below


def own_rules(custom: Custom, kind: Kind) -> list[Rule]:
    """The user's own rules of `kind` as they are stored."""
    rules: list[Rule] = custom.get("rules", {}).get(kind, [])
    return rules


def get_rule(custom: Custom, user_id: str, kind: str, rule_id: str, *, by_text: bool = True) -> Rule:
    """One rule as the API shows it, with `enabled` and `actions`; raises `NotFound`."""
    for rule in rules_of_kind(custom, user_id, kind, by_text=by_text):
        if rule["rule_id"] == rule_id:
            return rule
    raise _not_found()


def put_rule(
    custom: Custom, kind: str, rule_id: str, body: Any, *, before: str | None = None, after: str | None = None
) -> Custom:
    """`custom` with an own rule made or changed as `body` says, placed relative to another own rule.

    A new rule is enabled and, unless placed, the most important of its kind; a changed one keeps its
    place and stays as enabled as it was. Raises `BadRequest` and its kin for everything else.
    """
    parsed = parse_kind(kind)
    if parsed == "postcontent":
        # "[...] clients MUST NOT be able to create custom rules with this push rule kind."
        raise InvalidParam("Rules of this kind are predefined")
    checked_rule_id(rule_id)
    actions = checked_actions(body)
    old, others, place = _taken_out(own_rules(custom, parsed), rule_id)
    enabled = old["enabled"] if old else True
    rule = {"rule_id": rule_id, "enabled": enabled, "actions": actions, **checked_parameters(parsed, body)}
    place = _relative_place(others, before, after, place)
    return _with_own_rules(custom, parsed, [*others[:place], rule, *others[place:]])


def delete_rule(custom: Custom, kind: str, rule_id: str) -> Custom:
    """`custom` without an own rule; raises `NotFound`, or `InvalidParam` for a predefined one."""
    parsed = parse_kind(kind)
    if default_rule(parsed, rule_id):
        raise InvalidParam("Predefined push rules cannot be deleted")
    old, others, _ = _taken_out(own_rules(custom, parsed), rule_id)
    if old is None:
        raise _not_found()
    return _with_own_rules(custom, parsed, others)


def set_enabled(custom: Custom, kind: str, rule_id: str, body: Any, *, by_text: bool = True) -> Custom:
    """`custom` with a rule switched as the request body `{"enabled": ...}` says; raises `NotFound`."""
    return _with_change(custom, parse_kind(kind), rule_id, {"enabled": checked_enabled(body)}, by_text)


def set_actions(custom: Custom, kind: str, rule_id: str, body: Any, *, by_text: bool = True) -> Custom:
    """`custom` with a rule's actions as the request body `{"actions": ...}` says; raises `NotFound`."""
    return _with_change(custom, parse_kind(kind), rule_id, {"actions": checked_actions(body)}, by_text)


def _with_change(custom: Custom, kind: Kind, rule_id: str, change: dict[str, Any], by_text: bool) -> Custom:
    if kind == "postcontent" and not has_thread_rules(custom):
        raise _not_found()
    predefined = default_rule(kind, rule_id, by_text=by_text)
    if predefined:
        return _with_default_change(custom, predefined, change)
    rules = own_rules(custom, kind)
    if not any(rule["rule_id"] == rule_id for rule in rules):
        raise _not_found()
    changed = [rule | change if rule["rule_id"] == rule_id else rule for rule in rules]
    return _with_own_rules(custom, kind, changed)


def _with_default_change(custom: Custom, predefined: Rule, new: dict[str, Any]) -> Custom:
    # A change back to what the rule is anyway leaves nothing behind.
    changes = dict(custom.get("defaults", {}))
    change = {**changes.pop(predefined["rule_id"], {}), **new}
    change = {key: kept for key, kept in change.items() if kept != predefined[key]}
    if change:
        changes[predefined["rule_id"]] = change
    return _with(custom, "defaults", changes)


def _with_own_rules(custom: Custom, kind: Kind, rules: list[Rule]) -> Custom:
    return _with(custom, "rules", _with(custom.get("rules", {}), kind, rules))


def _with(mapping: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    rest = {name: kept for name, kept in mapping.items() if name != key}
    return rest | {key: value} if value else rest


def _taken_out(rules: list[Rule], rule_id: str) -> tuple[Rule | None, list[Rule], int]:
    for place, rule in enumerate(rules):
        if rule["rule_id"] == rule_id:
            return rule, rules[:place] + rules[place + 1 :], place
    return None, list(rules), 0


def _relative_place(others: list[Rule], before: str | None, after: str | None, place: int) -> int:
    # If both are given the rule is the next most important with respect to `before`.
    ids = [rule["rule_id"] for rule in others]
    for anchor in (before, after):
        if anchor is not None and anchor not in ids:
            raise BadRequest(f"before/after rule not found: {anchor}")
    if before is not None:
        return ids.index(before)
    return ids.index(after) + 1 if after is not None else place


def _not_found() -> NotFound:
    return NotFound("The push rule was not found.")
