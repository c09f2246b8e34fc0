"""What the API accepts as a push rule; everything else is a 400."""

from __future__ import annotations

import re
from typing import Any

from matrix_app.protocol.errors import BadJson, BadRequest, InvalidParam, MissingParam
from matrix_app.protocol.push_rules.kinds import Kind

# The historical actions are taken, and ignored when rules are evaluated.
_ACTIONS = frozenset({"notify", "dont_notify", "coalesce"})
_MEMBER_COUNT = re.compile(r"(==|<=|>=|<|>)?[0-9]+")
_MAX_INTEGER = 2**53 - 1
_REQUIRED = {
    "event_match": ("key", "pattern"),
    "event_property_is": ("key", "value"),
    "event_property_contains": ("key", "value"),
    "room_member_count": ("is",),
    "sender_notification_permission": ("key",),
}


def checked_rule_id(rule_id: str) -> str:
    """`rule_id` if a user may name a rule so; raises `BadRequest` or `InvalidParam`."""
    if not rule_id:
        raise BadRequest("A push rule needs a rule ID")
    if rule_id.startswith("."):
        raise InvalidParam("Rule IDs that start with a dot are reserved for predefined rules")
    if "/" in rule_id or "\\" in rule_id:
        raise InvalidParam("Rule IDs may not contain slashes or backslashes")
    return rule_id


def checked_actions(body: Any) -> list[Any]:
    """The `actions` of a request; raises `MatrixError` unless each is one the specification knows."""
    actions = _field(body, "actions")
    if not isinstance(actions, list):
        raise BadJson("'actions' must be a list")
    for action in actions:
        _check_action(action)
    return actions


def checked_enabled(body: Any) -> bool:
    """The `enabled` of a request."""
    enabled = _field(body, "enabled")
    if not isinstance(enabled, bool):
        raise BadJson("'enabled' must be true or false")
    return enabled


def checked_parameters(kind: Kind, body: dict[str, Any]) -> dict[str, Any]:
    """The keys of a rule that depend on its kind: `conditions`, `pattern`, or none."""
    if kind in ("override", "underride"):
        return {"conditions": _checked_conditions(body.get("conditions", []))}
    if kind != "content":
        return {}
    if not isinstance(_field(body, "pattern"), str):
        raise BadJson("'pattern' must be a string")
    return {"pattern": body["pattern"]}


def _field(body: Any, name: str) -> Any:
    if not isinstance(body, dict):
        raise BadJson("The body must be an object")
    if name not in body:
        raise MissingParam(f"Missing '{name}'")
    return body[name]


def _check_action(action: Any) -> None:
    if isinstance(action, str) and action in _ACTIONS:
        return
    if isinstance(action, dict) and isinstance(action.get("set_tweak"), str):
        return
    raise InvalidParam(f"Unknown action: {action!r}")


def _checked_conditions(conditions: Any) -> list[Any]:
    if not isinstance(conditions, list):
        raise BadJson("'conditions' must be a list")
    for condition in conditions:
        _check_condition(condition)
    return conditions


def _check_condition(condition: Any) -> None:
    # An unknown kind of condition is kept: it never matches here, but other software may know it.
    kind = _field(condition, "kind")
    if not isinstance(kind, str):
        raise BadJson("The 'kind' of a condition must be a string")
    for name in _REQUIRED.get(kind, ()):
        value = _field(condition, name)
        if name == "value":
            _check_value(value)
        elif not isinstance(value, str):
            raise BadJson(f"'{name}' of a condition must be a string")
    if kind == "room_member_count" and not _MEMBER_COUNT.fullmatch(condition["is"]):
        raise InvalidParam(f"Not a member count: {condition['is']!r}")


def _check_value(value: Any) -> None:
    if value is None or isinstance(value, str | bool):
        return
    if not (isinstance(value, int) and abs(value) <= _MAX_INTEGER):
        raise BadJson("'value' of a condition must be a string, an integer, true, false or null")
