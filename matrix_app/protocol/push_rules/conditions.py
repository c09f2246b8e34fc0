"""The conditions of push rules, compiled to functions ("Conditions" of the push notifications module)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Final

from matrix_app.protocol.globs import glob, word_glob
from matrix_app.protocol.push_rules.event_view import EventView
from matrix_app.protocol.push_rules.names import contains_words, folded

# The default for `room`; the specification names none for other notifications, so it serves them too.
_DEFAULT_NOTIFICATION_LEVEL: Final = 50
_MEMBER_COUNT: Final = re.compile(r"(==|<=|>=|<|>|)([0-9]{1,15})")
_COMPARISONS: Final[dict[str, Callable[[int, int], bool]]] = {
    "": operator.eq,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True)
class PushContext:
    """What conditions need to know of the room, the same for every user.

    `sender_level` is the sender's power level (infinite for the creators of version 12 rooms), and
    `notification_levels` is `notifications` of the power levels event. `subscribers` are the local users
    who are subscribed to the thread that the event is in; None for an event that is in none (MSC4306).
    """

    room_member_count: int
    sender_level: float = 0
    notification_levels: Mapping[str, Any] = field(default_factory=dict)
    subscribers: Set[str] | None = None


Condition = Callable[[EventView, PushContext, str | None], bool]


def compile_condition(condition: Any, user_id: str) -> Condition:
    """The function (event, context, display name of the owner) that tells whether `condition` holds.

    One that is not recognised, or lacks what it needs, never holds.
    """
    if not isinstance(condition, dict):
        return _never
    match condition:
        case {"kind": "event_match", "key": str(key), "pattern": str(pattern)}:
            return _event_match(key, pattern, user_id)
        case {"kind": "event_property_is", "key": str(key), "value": value}:
            return _property_is(key, value)
        case {"kind": "event_property_contains", "key": str(key), "value": value}:
            return _property_contains(key, value)
        case {"kind": "contains_display_name"}:
            return contains_display_name
        case {"kind": "room_member_count", "is": str(wanted)}:
            return _room_member_count(wanted)
        case {"kind": "sender_notification_permission", "key": str(key)}:
            return _sender_notification_permission(key)
        case {"kind": "io.element.msc4306.thread_subscription", "subscribed": bool(wanted)}:
            return _thread_subscription(user_id, wanted)
    return _never


def body_matches(pattern: str) -> Condition:
    """Whether words of `content.body` match `pattern`: the condition of content rules."""
    words = word_glob(pattern.lower())

    def holds(event: EventView, _context: PushContext, _name: str | None) -> bool:
        body = event.lowered("content.body")
        return body is not None and words.matches(body)

    return holds


def body_names(name: str) -> Condition:
    """Whether words of `content.body` are `name`, in which `*` and `?` stand for themselves."""
    wanted = folded(name)

    def holds(event: EventView, _context: PushContext, _name: str | None) -> bool:
        body = event.lowered("content.body")
        return bool(wanted) and body is not None and contains_words(body, wanted)

    return holds


def in_room(room_id: str) -> Condition:
    """Whether the event is in `room_id`: the condition of room rules."""
    return lambda event, _context, _name: event.room_id == room_id


def sent_by(user_id: str) -> Condition:
    """Whether `user_id` sent the event: the condition of sender rules."""
    return lambda event, _context, _name: event.sender == user_id


def _never(_event: EventView, _context: PushContext, _name: str | None) -> bool:
    return False


def _event_match(key: str, pattern: str, user_id: str) -> Condition:
    if key == "content.body":
        return body_matches(pattern)
    if key == "state_key" and pattern == user_id:
        # User IDs of old may hold `*` and `?` and differ in letter case alone; the rule means one user.
        return lambda event, _context, _name: event.value("state_key") == user_id
    wanted = pattern.lower()
    if "*" not in wanted and "?" not in wanted:
        return lambda event, _context, _name: event.lowered(key) == wanted
    compiled = glob(wanted)

    def holds(event: EventView, _context: PushContext, _name: str | None) -> bool:
        text = event.lowered(key)
        return text is not None and compiled.matches(text)

    return holds


def _property_is(key: str, wanted: Any) -> Condition:
    if not _is_simple(wanted):
        return _never
    return lambda event, _context, _name: _same(event.value(key), wanted)


def _property_contains(key: str, wanted: Any) -> Condition:
    if not _is_simple(wanted):
        return _never

    def holds(event: EventView, _context: PushContext, _name: str | None) -> bool:
        values = event.value(key)
        return isinstance(values, list) and any(_same(value, wanted) for value in values)

    return holds


def contains_display_name(event: EventView, _context: PushContext, name: str | None) -> bool:
    """Whether words of the body are the owner's display name: the deprecated condition of that kind."""
    body = event.lowered("content.body")
    if not name or body is None:
        return False
    wanted = folded(name)
    return bool(wanted) and contains_words(body, wanted)


def _room_member_count(wanted: str) -> Condition:
    parsed = _MEMBER_COUNT.fullmatch(wanted)
    if parsed is None:
        return _never
    compare, count = _COMPARISONS[parsed[1]], int(parsed[2])
    return lambda _event, context, _name: compare(context.room_member_count, count)


def _sender_notification_permission(key: str) -> Condition:
    return lambda _event, context, _name: context.sender_level >= _required_level(context, key)


def is_of_levels(condition: Any) -> bool:
    """Whether a condition, as it is written, asks for power levels."""
    return isinstance(condition, dict) and condition.get("kind") == "sender_notification_permission"


def _thread_subscription(user_id: str, wanted: bool) -> Condition:
    def holds(_event: EventView, context: PushContext, _name: str | None) -> bool:
        return context.subscribers is not None and (user_id in context.subscribers) is wanted

    return holds


def _required_level(context: PushContext, key: str) -> int:
    # Rooms before version 10 may hold levels as strings.
    level = context.notification_levels.get(key, _DEFAULT_NOTIFICATION_LEVEL)
    if isinstance(level, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,16}\s*", level):
        return int(level)
    return level if isinstance(level, int) and not isinstance(level, bool) else _DEFAULT_NOTIFICATION_LEVEL


def _is_simple(value: Any) -> bool:
    return value is None or isinstance(value, str | bool | int)


def _same(value: Any, wanted: Any) -> bool:
    # Exactly: 1 is not true. The types that remain are simple, so lists and objects never match.
    return type(value) is type(wanted) and bool(value == wanted)
