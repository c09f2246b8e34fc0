"""Whether a user's customisations matter in a room, and how."""

from __future__ import annotations

from typing import Any, Literal

from matrix_app.protocol.push_rules.defaults import MASTER, default_rule
from matrix_app.protocol.push_rules.outcome import outcome_of
from matrix_app.protocol.push_rules.ruleset import Custom, Rule, own_rules, rules_of_kind

RoomStance = Literal["default", "muted", "mentions-only", "dynamic"]


def is_static_for_room(custom: Custom, room_id: str) -> RoomStance:
    """How `custom` bears on `room_id`.

    `default`: not at all. `muted`: nothing ever notifies. `mentions-only`: what no override rule
    concerns is silent. `dynamic`: the rules have to be evaluated event by event.
    """
    # The rules in the order in which they are checked; the first that may matter decides.
    if not custom:
        return "default"
    changed = custom.get("defaults", {})
    if _master_enabled(changed):
        return "dynamic" if _notifies(changed[MASTER]) else "muted"
    override = _override_stance(custom, room_id)
    if override is not None:
        return override
    if _changes(changed, "override") or _changes(changed, "content"):
        return "dynamic"
    if any(rule["enabled"] for rule in own_rules(custom, "content")):
        return "dynamic"
    if any(rule["enabled"] for rule in rules_of_kind(custom, "", "postcontent")):
        return "dynamic"
    for rule in own_rules(custom, "room"):
        if rule["enabled"] and rule["rule_id"] == room_id:
            return "dynamic" if _notifies(rule) else "mentions-only"
    return "dynamic" if _low_rules_matter(custom, room_id) else "default"


def _override_stance(custom: Custom, room_id: str) -> RoomStance | None:
    for rule in own_rules(custom, "override"):
        if not rule["enabled"] or _is_elsewhere(rule, room_id):
            continue
        everything = all(_names_room(condition, room_id) for condition in rule["conditions"])
        return "muted" if everything and not _notifies(rule) else "dynamic"
    return None


def _low_rules_matter(custom: Custom, room_id: str) -> bool:
    if any(rule["enabled"] for rule in own_rules(custom, "sender")):
        return True
    own = (rule for rule in own_rules(custom, "underride") if rule["enabled"])
    return any(not _is_elsewhere(rule, room_id) for rule in own) or _changes(
        custom.get("defaults", {}), "underride"
    )


def _master_enabled(changed: dict[str, Any]) -> bool:
    return bool(changed.get(MASTER, {}).get("enabled", False))


def _changes(changed: dict[str, Any], kind: Literal["override", "content", "underride"]) -> bool:
    # The actions of the master rule mean nothing while it is disabled.
    return any(rule_id != MASTER and default_rule(kind, rule_id) for rule_id in changed)


def _notifies(rule: Rule) -> bool:
    return outcome_of(rule.get("actions")).notify


def _is_elsewhere(rule: Rule, room_id: str) -> bool:
    return any(
        _names_room(condition) and not _names_room(condition, room_id) for condition in rule["conditions"]
    )


def _names_room(condition: Any, room_id: str | None = None) -> bool:
    match condition:
        case {"kind": "event_match", "key": "room_id", "pattern": str(pattern)}:
            if "*" in pattern or "?" in pattern:
                return False
            return room_id is None or pattern.lower() == room_id.lower()
    return False
