"""The predefined push rules ("Predefined Rules" of the push notifications module), in their order.

Those of `BY_TEXT` went with version 1.17 of the specification: they look for mentions in texts, of those
events alone that have no `m.mentions` (ADR 9).
"""

from __future__ import annotations

from typing import Any, Final

from matrix_app.protocol.ids import localpart_of
from matrix_app.protocol.push_rules.kinds import KINDS, Kind

MASTER: Final = ".m.rule.master"
INVITE_FOR_ME: Final = ".m.rule.invite_for_me"
IS_USER_MENTION: Final = ".m.rule.is_user_mention"
CONTAINS_DISPLAY_NAME: Final = ".m.rule.contains_display_name"
CONTAINS_USER_NAME: Final = ".m.rule.contains_user_name"
ROOM_IN_TEXT: Final = ".m.rule.roomnotif"
BY_TEXT: Final = frozenset({CONTAINS_DISPLAY_NAME, CONTAINS_USER_NAME, ROOM_IN_TEXT})
# Rules that name the user whose rules they are, and so differ between users.
PERSONAL: Final = frozenset({INVITE_FOR_ME, IS_USER_MENTION, CONTAINS_DISPLAY_NAME, CONTAINS_USER_NAME})

_USER: Final = "[the user's Matrix ID]"
_USER_NAME: Final = "[the local part of the user's Matrix ID]"


def _match(key: str, pattern: str) -> dict[str, Any]:
    return {"kind": "event_match", "key": key, "pattern": pattern}


def _sound(name: str) -> dict[str, Any]:
    return {"set_tweak": "sound", "value": name}


def _subscription(subscribed: bool) -> dict[str, Any]:
    return {"kind": "io.element.msc4306.thread_subscription", "subscribed": subscribed}


def _rule(
    rule_id: str, actions: list[Any], *conditions: dict[str, Any], enabled: bool = True
) -> dict[str, Any]:
    return {
        "rule_id": rule_id,
        "default": True,
        "enabled": enabled,
        "conditions": list(conditions),
        "actions": actions,
    }


_HIGHLIGHT: Final = {"set_tweak": "highlight"}
_MENTION: Final = ["notify", _sound("default"), _HIGHLIGHT]
_FROM_WHO_MAY: Final = {"kind": "sender_notification_permission", "key": "room"}
_TWO_MEMBERS: Final = {"kind": "room_member_count", "is": "2"}

_OVERRIDE: Final = (
    _rule(MASTER, [], enabled=False),
    _rule(".m.rule.suppress_notices", [], _match("content.msgtype", "m.notice")),
    _rule(
        INVITE_FOR_ME,
        ["notify", _sound("default")],
        _match("type", "m.room.member"),
        _match("content.membership", "invite"),
        _match("state_key", _USER),
    ),
    _rule(".m.rule.member_event", [], _match("type", "m.room.member")),
    _rule(
        IS_USER_MENTION,
        _MENTION,
        {"kind": "event_property_contains", "key": r"content.m\.mentions.user_ids", "value": _USER},
    ),
    _rule(CONTAINS_DISPLAY_NAME, _MENTION, {"kind": "contains_display_name"}),
    _rule(
        ".m.rule.is_room_mention",
        ["notify", _HIGHLIGHT],
        {"kind": "event_property_is", "key": r"content.m\.mentions.room", "value": True},
        _FROM_WHO_MAY,
    ),
    _rule(ROOM_IN_TEXT, ["notify", _HIGHLIGHT], _match("content.body", "@room"), _FROM_WHO_MAY),
    _rule(
        ".m.rule.tombstone",
        ["notify", _HIGHLIGHT],
        _match("type", "m.room.tombstone"),
        _match("state_key", ""),
    ),
    _rule(".m.rule.reaction", [], _match("type", "m.reaction")),
    _rule(".m.rule.room.server_acl", [], _match("type", "m.room.server_acl"), _match("state_key", "")),
    _rule(
        ".m.rule.suppress_edits",
        [],
        {"kind": "event_property_is", "key": r"content.m\.relates_to.rel_type", "value": "m.replace"},
    ),
)

_CONTENT: Final = (
    {
        "rule_id": CONTAINS_USER_NAME,
        "default": True,
        "enabled": True,
        "pattern": _USER_NAME,
        "actions": _MENTION,
    },
)

# MSC4306: what is said in threads notifies those who are subscribed to them, whatever they want of the room.
_POSTCONTENT: Final = (
    _rule(".io.element.msc4306.rule.unsubscribed_thread", [], _subscription(False)),
    _rule(".io.element.msc4306.rule.subscribed_thread", ["notify", _sound("default")], _subscription(True)),
)

_UNDERRIDE: Final = (
    _rule(".m.rule.call", ["notify", _sound("ring")], _match("type", "m.call.invite")),
    _rule(
        ".m.rule.encrypted_room_one_to_one",
        ["notify", _sound("default")],
        _TWO_MEMBERS,
        _match("type", "m.room.encrypted"),
    ),
    _rule(
        ".m.rule.room_one_to_one",
        ["notify", _sound("default")],
        _TWO_MEMBERS,
        _match("type", "m.room.message"),
    ),
    _rule(".m.rule.message", ["notify"], _match("type", "m.room.message")),
    _rule(".m.rule.encrypted", ["notify"], _match("type", "m.room.encrypted")),
)

_DEFAULTS: Final[dict[Kind, tuple[dict[str, Any], ...]]] = {
    kind: {
        "override": _OVERRIDE,
        "content": _CONTENT,
        "postcontent": _POSTCONTENT,
        "underride": _UNDERRIDE,
    }.get(kind, ())
    for kind in KINDS
}
_BY_ID: Final = {(kind, rule["rule_id"]): rule for kind, rules in _DEFAULTS.items() for rule in rules}


def default_rules(kind: Kind, user_id: str, *, by_text: bool = True) -> list[dict[str, Any]]:
    """Fresh copies of the predefined rules of `kind`, in order, made out to `user_id`.

    Without `by_text` those are left out that look for mentions in texts.
    """
    return [_made_out(rule, user_id) for rule in _DEFAULTS[kind] if by_text or rule["rule_id"] not in BY_TEXT]


def default_rule(kind: Kind, rule_id: str, *, by_text: bool = True) -> dict[str, Any] | None:
    """The predefined rule, to be read only and naming no user; None when there is none."""
    return _BY_ID.get((kind, rule_id)) if by_text or rule_id not in BY_TEXT else None


def _made_out(rule: dict[str, Any], user_id: str) -> dict[str, Any]:
    made = rule | {"actions": list(rule["actions"])}
    if "pattern" in rule:
        return made | {"pattern": localpart_of(user_id)}
    return made | {"conditions": [_named(condition, user_id) for condition in rule["conditions"]]}


def _named(condition: dict[str, Any], user_id: str) -> dict[str, Any]:
    return {name: user_id if value == _USER else value for name, value in condition.items()}
