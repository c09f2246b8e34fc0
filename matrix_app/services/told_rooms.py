"""Rooms as other servers describe them ("Spaces" of the server-server API), read with care."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from matrix_app.services.space_children import SPACE, SpaceChild, read_children

# Rooms of one answer that are read, and of the rooms whose members may join a restricted one.
MOST_ROOMS: Final = 1000
MOST_ALLOWED: Final = 100
_LONGEST: Final = 10_000


class ToldRoom(NamedTuple):
    """A room by the word of another server: its `RoomSummary`, and its children where these were told."""

    room_id: str
    summary: dict[str, Any]
    children: list[SpaceChild] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is to be asked for: a space has more to tell than is said of it as a child."""
        return self.children is not None or self.summary.get("room_type") != SPACE

    @property
    def is_open(self) -> bool:
        """Whether anybody may read the room, or join it, or ask to."""
        rule = self.summary["join_rule"]
        return self.summary["world_readable"] or rule in ("public", "knock", "knock_restricted")

    @property
    def allowed(self) -> list[str]:
        """The rooms whose members may join."""
        found: list[str] = self.summary.get("allowed_room_ids", [])
        return found


class ToldTree(NamedTuple):
    """A room, those of its children that its server has something to say of, and those it keeps closed."""

    room: ToldRoom
    children: dict[str, ToldRoom]
    inaccessible: set[str]


def read_tree_answer(answer: Any, room_id: str, *, suggested_only: bool) -> ToldTree | None:
    """What a server answered about a room; None when that is not about this room, or makes no sense."""
    match answer:
        case {"room": {"room_id": str(told_id)} as room, "children": list(children)} if told_id == room_id:
            pass
        case _:
            return None
    summary = _summary(room)
    if summary is None:
        return None
    below = {child.room_id: child for entry in children[:MOST_ROOMS] if (child := _child(entry))}
    closed = answer.get("inaccessible_children")
    named = read_children(room.get("children_state"), suggested_only=suggested_only)
    return ToldTree(
        ToldRoom(room_id, summary, named[:MOST_ROOMS]),
        below,
        {entry for entry in closed if isinstance(entry, str)} if isinstance(closed, list) else set(),
    )


def _child(entry: Any) -> ToldRoom | None:
    room_id = entry.get("room_id") if isinstance(entry, dict) else None
    summary = _summary(entry) if isinstance(room_id, str) else None
    return ToldRoom(str(room_id), summary) if summary is not None else None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= _LONGEST


_OPTIONAL: Final[Mapping[str, Callable[[Any], bool]]] = {
    "name": _is_text,
    "topic": _is_text,
    "canonical_alias": _is_text,
    "avatar_url": _is_text,
    "room_type": _is_text,
    "room_version": _is_text,
    "encryption": _is_text,
}


def _summary(told: dict[str, Any]) -> dict[str, Any] | None:
    """The parts of a `RoomSummary` that are what they have to be; None without those that it must have."""
    joined, rule = told.get("num_joined_members"), told.get("join_rule", "public")
    if not isinstance(joined, int) or isinstance(joined, bool) or joined < 0 or not _is_text(rule):
        return None
    summary: dict[str, Any] = {
        "room_id": told["room_id"],
        "num_joined_members": joined,
        "world_readable": told.get("world_readable") is True,
        "guest_can_join": told.get("guest_can_join") is True,
        "join_rule": rule,
    }
    summary.update({key: told[key] for key, is_valid in _OPTIONAL.items() if is_valid(told.get(key))})
    allowed = told.get("allowed_room_ids")
    if isinstance(allowed, list):
        summary["allowed_room_ids"] = [entry for entry in allowed if _is_text(entry)][:MOST_ALLOWED]
    return summary
