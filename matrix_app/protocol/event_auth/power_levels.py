"""The power levels of a room, parsed once per `m.room.power_levels` event."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from threading import Lock
from typing import Any, Final

from matrix_app.protocol.event_auth.create import creators_of
from matrix_app.protocol.event_auth.levels import read_level
from matrix_app.protocol.event_auth.selection import CREATE_KEY, POWER_LEVELS_KEY
from matrix_app.protocol.events import Event, StateMap
from matrix_app.protocol.room_versions import RoomVersion

# The integers at the top of the content, and what each is when it is not there. With no
# `m.room.power_levels` event at all they are the same.
LEVEL_DEFAULTS: Final = {
    "users_default": 0,
    "events_default": 0,
    "state_default": 50,
    "ban": 50,
    "redact": 50,
    "kick": 50,
    "invite": 0,
}
_NOTIFICATION_DEFAULT: Final = 50


class PowerLevels:
    """Who may do what. Levels are integers; a creator's is infinite where the version says so.

    Instances are shared: treat them and their mappings as immutable.
    """

    __slots__ = (
        "ban",
        "creators",
        "events",
        "events_default",
        "invite",
        "kick",
        "notifications",
        "redact",
        "state_default",
        "users",
        "users_default",
    )

    def __init__(self, content: Mapping[str, Any], rules: RoomVersion, creators: frozenset[str]) -> None:
        """Read `content`; a value that is no power level in this version counts as absent."""
        self.users_default: int = _level_or_default(content, "users_default", rules)
        self.events_default: int = _level_or_default(content, "events_default", rules)
        self.state_default: int = _level_or_default(content, "state_default", rules)
        self.ban: int = _level_or_default(content, "ban", rules)
        self.redact: int = _level_or_default(content, "redact", rules)
        self.kick: int = _level_or_default(content, "kick", rules)
        self.invite: int = _level_or_default(content, "invite", rules)
        self.users: Mapping[str, int] = read_levels(content.get("users"), rules)
        self.events: Mapping[str, int] = read_levels(content.get("events"), rules)
        self.notifications: Mapping[str, int] = read_levels(content.get("notifications"), rules)
        self.creators = creators

    @classmethod
    def from_state(cls, state: StateMap, rules: RoomVersion) -> PowerLevels:
        """The power levels of a room in this state, which should hold the create event too."""
        event = state.get(POWER_LEVELS_KEY)
        create = state.get(CREATE_KEY)
        if event is not None:
            return _cache.get(event, create, rules)
        creators = creators_of(create, rules) if create is not None else set()
        if rules.privileged_creators:
            return cls({}, rules, frozenset(creators))
        # Up to version 11, in a room without power levels its creator has 100 and all others 0.
        return cls({"users": dict.fromkeys(creators, 100)}, rules, frozenset())

    def user_level(self, user_id: str) -> float:
        """The power level of a user; `math.inf` for a creator who stands above all levels."""
        if user_id in self.creators:
            return inf
        return self.users.get(user_id, self.users_default)

    def level_for_event(self, type: str, is_state: bool) -> int:
        """The *required power level* of an event type."""
        return self.events.get(type, self.state_default if is_state else self.events_default)

    def level_for_notification(self, key: str = "room") -> int:
        """What a user needs to notify the whole room by this key (`room` for `@room`)."""
        return self.notifications.get(key, _NOTIFICATION_DEFAULT)


def read_levels(value: object, rules: RoomVersion) -> dict[str, int]:
    """The entries of a mapping that are power levels; none if it is no mapping."""
    if not isinstance(value, dict):
        return {}
    levels = ((key, read_level(level, rules)) for key, level in value.items())
    return {key: level for key, level in levels if level is not None}


def _level_or_default(content: Mapping[str, Any], key: str, rules: RoomVersion) -> int:
    level = read_level(content.get(key), rules)
    return LEVEL_DEFAULTS[key] if level is None else level


# IDs of the power levels event and of the create event that names creators, and the version.
_Key = tuple[str, str, str]
_Parsed = tuple[dict[str, Any], PowerLevels]


class ParsedLevels:
    """Parsed levels by event ID, the oldest dropped when the entries in them pass a bound.

    An event ID of versions 1 and 2 is chosen by its server, and redaction changes what an event says, so
    a hit counts only for the same content; that is an identity check when events are cached too.
    """

    def __init__(self, max_entries: int) -> None:
        self._max_entries = max_entries
        self._entries = 0
        self._parsed: dict[_Key, _Parsed] = {}
        self._lock = Lock()

    def get(self, event: Event, create: Event | None, rules: RoomVersion) -> PowerLevels:
        creator_key = create.event_id if create is not None and rules.privileged_creators else ""
        key = (event.event_id, creator_key, rules.identifier)
        known = self._parsed.get(key)
        if known is not None and (known[0] is event.content or known[0] == event.content):
            return known[1]
        creators = creators_of(create, rules) if create is not None and creator_key else ()
        levels = PowerLevels(event.content, rules, frozenset(creators))
        with self._lock:
            self._store(key, (event.content, levels))
        return levels

    def _store(self, key: _Key, parsed: _Parsed) -> None:
        self._drop(key)
        self._parsed[key] = parsed
        self._entries += _entries_of(parsed[1])
        while self._entries > self._max_entries and len(self._parsed) > 1:
            self._drop(next(iter(self._parsed)))

    def _drop(self, key: _Key) -> None:
        known = self._parsed.pop(key, None)
        if known is not None:
            self._entries -= _entries_of(known[1])


def _entries_of(levels: PowerLevels) -> int:
    return 20 + len(levels.users) + len(levels.events) + len(levels.notifications)


# About 100 bytes an entry.
_cache: Final = ParsedLevels(max_entries=100_000)
