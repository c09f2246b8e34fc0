"""Filters ("Filtering" of the client-server API): what of a room, and of everything else, a client wants.

The structs are frozen and hash by value, so a filter is parsed and compiled once and may be a key. What a
client stored is given back as it came: keep the JSON, not the struct, which knows nothing of other keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec

from matrix_app.protocol.errors import BadJson, NotJson
from matrix_app.protocol.globs import Glob

DEFAULT_LIMIT: Final = 10
MAX_LIMIT: Final = 1000

_RoomIds = tuple[Annotated[str, msgspec.Meta(pattern="^!")], ...]
_UserIds = tuple[Annotated[str, msgspec.Meta(pattern="^@")], ...]
_Names = tuple[str, ...]
_Kind = TypeVar("_Kind")


class EventFilter(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """Which events: None means any. In `types` a `*` stands for any characters; `not_` goes before."""

    # The specification asks for more than 0; clients that want no timeline send 0, and mean it.
    limit: Annotated[int, msgspec.Meta(ge=0)] | None = None
    types: _Names | None = None
    not_types: _Names = ()
    senders: _UserIds | None = None
    not_senders: _UserIds = ()

    def capped_limit(self, default: int = DEFAULT_LIMIT, maximum: int = MAX_LIMIT) -> int:
        """How many events to return at most."""
        return min(default if self.limit is None else self.limit, maximum)

    def blocks_everything(self) -> bool:
        """Whether no event can pass, so that none need be looked for."""
        return "*" in self.not_types or self.types == () or self.senders == ()

    def exact_types(self) -> _Names | None:
        """The types to look for by equality; None when any type may do or one has a wildcard."""
        if self.types is None or any("*" in name for name in self.types):
            return None
        return self.types

    def types_like(self) -> _Names | None:
        r"""`types` as SQL LIKE patterns with `\` as their escape character; None when any type may do."""
        return None if self.types is None else tuple(map(_like, self.types))

    def not_types_like(self) -> _Names:
        r"""`not_types` as SQL LIKE patterns with `\` as their escape character."""
        return tuple(map(_like, self.not_types))


class RoomEventFilter(EventFilter, frozen=True, kw_only=True, cache_hash=True):
    """Which events of which rooms, and how they come.

    `related_by_senders` and `related_by_rel_types` ask for events that others relate to; only a query can
    answer that, so `matches` leaves them alone.
    """

    rooms: _RoomIds | None = None
    not_rooms: _RoomIds = ()
    contains_url: bool | None = None
    lazy_load_members: bool = False
    include_redundant_members: bool = False
    unread_thread_notifications: bool = False
    related_by_senders: _UserIds | None = None
    related_by_rel_types: _Names | None = None

    def blocks_everything(self) -> bool:
        """Whether no event can pass, so that none need be looked for."""
        return self.rooms == () or super().blocks_everything()

    def names_rooms(self) -> bool:
        """Whether it depends on the room what can pass."""
        return self.rooms is not None or bool(self.not_rooms)

    def passes_everything(self) -> bool:
        """Whether every event passes, so that none need be looked at."""
        unset = (
            self.types,
            self.senders,
            self.contains_url,
            self.related_by_senders,
            self.related_by_rel_types,
        )
        excluded = self.not_types or self.not_senders
        return not excluded and not self.names_rooms() and all(value is None for value in unset)

    def wants_room(self, room_id: str) -> bool:
        """Whether events of the room can pass."""
        return _wants_room(self.rooms, self.not_rooms, room_id)


class RoomFilter(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """Which rooms, and within them which events of each section."""

    rooms: _RoomIds | None = None
    not_rooms: _RoomIds = ()
    include_leave: bool = False
    ephemeral: RoomEventFilter = RoomEventFilter()
    state: RoomEventFilter = RoomEventFilter()
    timeline: RoomEventFilter = RoomEventFilter()
    account_data: RoomEventFilter = RoomEventFilter()

    def wants_room(self, room_id: str) -> bool:
        """Whether the room is to be shown at all; asked before the filters of the sections."""
        return _wants_room(self.rooms, self.not_rooms, room_id)


class Filter(msgspec.Struct, frozen=True, kw_only=True, cache_hash=True):
    """The filter of a sync. `event_fields` is for `projection_of`."""

    event_fields: _Names | None = None
    event_format: Literal["client", "federation"] = "client"
    presence: EventFilter = EventFilter()
    account_data: EventFilter = EventFilter()
    room: RoomFilter = RoomFilter()


def parse_filter(value: Any) -> Filter:
    """The filter that a JSON object describes; raises `BadJson`."""
    return _converted(value, Filter)


def parse_room_event_filter(value: Any) -> RoomEventFilter:
    """The filter of a request for one room's events; raises `BadJson`."""
    return _converted(value, RoomEventFilter)


@lru_cache(maxsize=512)
def filter_from_json(text: str | bytes) -> Filter:
    """The filter that a JSON text describes, remembered; raises `NotJson` or `BadJson`."""
    return _decoded(text, Filter)


@lru_cache(maxsize=512)
def room_event_filter_from_json(text: str | bytes) -> RoomEventFilter:
    """The same for the filter of a request for one room's events."""
    return _decoded(text, RoomEventFilter)


class Matcher:
    """An event filter made ready to be asked about events."""

    __slots__ = ("_contains_url", "_filter", "_not_types", "_rooms", "_types")

    def __init__(self, event_filter: EventFilter) -> None:
        self._filter = event_filter
        self._types = None if event_filter.types is None else _TypePatterns(event_filter.types)
        self._not_types = _TypePatterns(event_filter.not_types)
        self._rooms = event_filter if isinstance(event_filter, RoomEventFilter) else None
        self._contains_url = self._rooms.contains_url if self._rooms else None

    def matches(
        self,
        *,
        type: str,
        sender: str | None = None,
        room_id: str | None = None,
        content: Mapping[str, Any] | None = None,
    ) -> bool:
        """Whether the event passes. What has no sender fails a filter that lists senders."""
        return (
            not self._not_types.match(type)
            and (self._types is None or self._types.match(type))
            and sender not in self._filter.not_senders
            and (self._filter.senders is None or sender in self._filter.senders)
            and (self._rooms is None or room_id is None or self._rooms.wants_room(room_id))
            and (self._contains_url is None or ("url" in (content or ())) == self._contains_url)
        )


@lru_cache(maxsize=512)
def matcher_of(event_filter: EventFilter) -> Matcher:
    """The matcher of a filter, made once."""
    return Matcher(event_filter)


def matches(
    event_filter: EventFilter,
    *,
    type: str,
    sender: str | None = None,
    room_id: str | None = None,
    content: Mapping[str, Any] | None = None,
) -> bool:
    """Whether the event passes `event_filter`; in a loop ask `matcher_of` once."""
    return matcher_of(event_filter).matches(type=type, sender=sender, room_id=room_id, content=content)


class _TypePatterns:
    __slots__ = ("_exact", "_globs")

    def __init__(self, patterns: _Names) -> None:
        self._exact = frozenset(pattern for pattern in patterns if "*" not in pattern)
        self._globs = tuple(Glob(pattern, question_mark=False) for pattern in patterns if "*" in pattern)

    def match(self, name: str) -> bool:
        return name in self._exact or any(pattern.matches(name) for pattern in self._globs)


def _converted(value: Any, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise BadJson(f"Not a valid filter: {error}") from error


def _decoded(text: str | bytes, kind: type[_Kind]) -> _Kind:
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise NotJson("The filter is not JSON") from error
    return _converted(value, kind)


def _wants_room(rooms: _Names | None, not_rooms: _Names, room_id: str) -> bool:
    return room_id not in not_rooms and (rooms is None or room_id in rooms)


def _like(pattern: str) -> str:
    escaped = pattern.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return escaped.replace("*", "%")
