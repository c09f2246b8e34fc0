"""Who may set which power levels: rule 10 of versions 1 to 5 and 12, rule 9 of versions 6 to 11."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from matrix_app.protocol.errors import AuthorizationFailed
from matrix_app.protocol.event_auth.create import creators_of
from matrix_app.protocol.event_auth.identifiers import is_user_id
from matrix_app.protocol.event_auth.levels import read_level
from matrix_app.protocol.event_auth.power_levels import LEVEL_DEFAULTS, PowerLevels, read_levels
from matrix_app.protocol.event_auth.selection import CREATE_KEY, POWER_LEVELS_KEY
from matrix_app.protocol.events import Event, StateMap
from matrix_app.protocol.room_versions import RoomVersion

# What was changed, what it was and what it becomes; None for what is added or removed.
_Change = tuple[str, int | None, int | None]


def check_power_levels(event: Event, state: StateMap) -> None:
    """Refuse an `m.room.power_levels` that is malformed or gives or takes what its sender may not."""
    check_power_level_values(event.content, state[CREATE_KEY], event.rules)
    # If there were no power levels before, allow.
    previous = state.get(POWER_LEVELS_KEY)
    if previous is None:
        return
    levels = PowerLevels.from_state(state, event.rules)
    _check_level_changes(previous.content, levels, event)
    _check_user_changes(levels, event)


def check_power_level_values(content: Mapping[str, Any], create: Event, rules: RoomVersion) -> None:
    """Refuse power levels that nobody may set in the room, since they are malformed or a creator's."""
    _check_values(content, rules)
    # 10.4 of version 12: creators have no level that could be set.
    users = content.get("users", {})
    if rules.privileged_creators and not users.keys().isdisjoint(creators_of(create, rules)):
        raise AuthorizationFailed("The power level of a creator cannot be set")


def _check_values(content: Mapping[str, Any], rules: RoomVersion) -> None:
    # .1 from version 10: the single levels are integers. Before, they may be strings and floats that
    # stand for integers; what stands for none was never a power level.
    for key in LEVEL_DEFAULTS:
        if key in content and read_level(content[key], rules) is None:
            raise AuthorizationFailed(f"{key} must be an integer")
    # .2 from version 10, and likewise before: the mappings of levels are mappings of levels;
    # `notifications` from version 6.
    _check_mapping(content, "events", rules)
    if rules.notifications_power_levels:
        _check_mapping(content, "notifications", rules)
    # .3 (.1 before version 10): so is `users`, and its keys are user IDs.
    _check_mapping(content, "users", rules)
    if not all(map(is_user_id, content.get("users", {}))):
        raise AuthorizationFailed("The keys of users must be user IDs")


def _check_mapping(content: Mapping[str, Any], key: str, rules: RoomVersion) -> None:
    entries = content.get(key, {})
    if not isinstance(entries, dict):
        raise AuthorizationFailed(f"{key} must be an object")
    if any(read_level(level, rules) is None for level in entries.values()):
        raise AuthorizationFailed(f"The values of {key} must be integers")


def _check_level_changes(previous: Mapping[str, Any], levels: PowerLevels, event: Event) -> None:
    # The next three rules. Of each single level and each entry of the mappings that is added, changed
    # or removed, neither what it was nor what it becomes may be above the sender.
    rules, content = event.rules, event.content
    sender_level = levels.user_level(event.sender)
    changes = list(_changes(_single_levels(previous, rules), _single_levels(content, rules)))
    changes += _changes(levels.events, read_levels(content.get("events"), rules))
    if rules.notifications_power_levels:
        changes += _changes(levels.notifications, read_levels(content.get("notifications"), rules))
    for key, old, new in changes:
        if old is not None and old > sender_level:
            raise AuthorizationFailed(f"The level of {key} is above that of {event.sender}")
        if new is not None and new > sender_level:
            raise AuthorizationFailed(f"{event.sender} may not set the level of {key} above their own")


def _check_user_changes(levels: PowerLevels, event: Event) -> None:
    sender_level = levels.user_level(event.sender)
    for user_id, old, new in _changes(levels.users, read_levels(event.content.get("users"), event.rules)):
        # Then: only who has less than the sender, or is the sender, may be changed or removed,
        if old is not None and user_id != event.sender and old >= sender_level:
            raise AuthorizationFailed(f"{user_id} has no less power than {event.sender}")
        # and nobody may be raised above the sender.
        if new is not None and new > sender_level:
            raise AuthorizationFailed(f"{event.sender} may not give {user_id} more power than they have")


def _single_levels(content: Mapping[str, Any], rules: RoomVersion) -> dict[str, int]:
    return read_levels({key: content[key] for key in LEVEL_DEFAULTS if key in content}, rules)


def _changes(before: Mapping[str, int], after: Mapping[str, int]) -> Iterator[_Change]:
    # Levels are compared as integers: "50" for 50 is no change.
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if old != new:
            yield key, old, new
