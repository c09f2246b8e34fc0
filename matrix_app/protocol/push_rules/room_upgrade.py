"""Carrying a user's rules for a room over to the room that replaces it."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from matrix_app.protocol.push_rules.kinds import KINDS
from matrix_app.protocol.push_rules.ruleset import Custom, Rule


def copy_room_rules(custom: Custom, old_room_id: str, new_room_id: str) -> Custom:
    """`custom` with every rule for the old room doubled for the new one, just above the original."""
    rules = custom.get("rules", {})
    doubled = {kind: _doubled(rules[kind], old_room_id, new_room_id) for kind in KINDS if kind in rules}
    return custom | {"rules": doubled} if doubled else custom


def _doubled(rules: list[Rule], old_room_id: str, new_room_id: str) -> list[Rule]:
    present = {rule["rule_id"] for rule in rules}
    result = []
    for rule in rules:
        copy = _made_over(rule, old_room_id, new_room_id)
        if copy["rule_id"] not in present:
            result.append(copy)
        result.append(rule)
    return result


def _made_over(rule: Rule, old_room_id: str, new_room_id: str) -> Rule:
    copy = deepcopy(rule)
    for condition in copy.get("conditions", ()):
        if _is_for(condition, old_room_id):
            condition["pattern"] = new_room_id
    if rule["rule_id"] == old_room_id:
        copy["rule_id"] = new_room_id
    elif copy != rule:
        copy["rule_id"] = f"{rule['rule_id']}-{new_room_id}"
    return copy


def _is_for(condition: Any, room_id: str) -> bool:
    return bool(
        condition.get("kind") == "event_match"
        and condition.get("key") == "room_id"
        and condition.get("pattern") == room_id
    )
