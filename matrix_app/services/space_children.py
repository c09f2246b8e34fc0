"""The rooms that a space names as its children, in the order in which they are shown."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from matrix_app.protocol.events import Event
from matrix_app.protocol.ids import is_server_name
from matrix_app.services.room_previews import RoomPreview
from matrix_app.storage import current_entries, events

SPACE: Final = "m.space"
_CHILD: Final = "m.space.child"
_KEYS: Final = ("type", "state_key", "sender", "content", "origin_server_ts")
# An order is at most 50 printable ASCII characters; another is as good as none.
_ORDER: Final = re.compile(r"[\x20-\x7e]{1,50}")


class SpaceChild(NamedTuple):
    """A child and the event that names it, stripped."""

    room_id: str
    body: dict[str, Any]

    @property
    def servers(self) -> list[str]:
        """The servers that are said to know the room."""
        via = self.body["content"]["via"]
        return [name for name in via if isinstance(name, str) and is_server_name(name)]


def children_of(space: RoomPreview, suggested_only: bool) -> list[SpaceChild]:
    """The valid children of a room; of one that is no space, none."""
    if space.summary.room_type != SPACE:
        return []
    return read_children(_child_events(space.room.nid), suggested_only=suggested_only)


def children_named_in(room_nid: int) -> frozenset[str]:
    """The IDs of the rooms that the `m.space.child` events of a room name."""
    return frozenset(child.room_id for child in read_children(_child_events(room_nid), suggested_only=False))


def _child_events(room_nid: int) -> list[dict[str, Any]]:
    rows = current_entries.of_type(room_nid, _CHILD)
    return [_stripped(events.parse(row)) for row in rows if row.redacted_by_nid is None]


def read_children(stripped: Any, *, suggested_only: bool) -> list[SpaceChild]:
    """The children that stripped `m.space.child` events with an `origin_server_ts` name, in their order.

    What is no such event is left out.
    """
    found = [_read(entry) for entry in (stripped if isinstance(stripped, list) else ())]
    bodies = [body for body in found if body is not None]
    if suggested_only:
        bodies = [body for body in bodies if body["content"].get("suggested") is True]
    return [SpaceChild(body["state_key"], body) for body in sorted(bodies, key=_sort_key)]


def _read(entry: Any) -> dict[str, Any] | None:
    match entry:
        case {
            "type": "m.space.child",
            "state_key": str(room_id),
            "sender": str(),
            "content": {"via": [_, *_]},
            "origin_server_ts": int(),
        } if room_id.startswith("!"):
            return {key: entry[key] for key in _KEYS}
    return None


def _sort_key(body: dict[str, Any]) -> tuple[bool, str, int, str]:
    order, ts = body["content"].get("order"), body["origin_server_ts"]
    if not isinstance(order, str) or _ORDER.fullmatch(order) is None:
        return True, "", ts, body["state_key"]
    return False, order, ts, body["state_key"]


def _stripped(event: Event) -> dict[str, Any]:
    return {
        "type": event.type,
        "state_key": event.state_key,
        "sender": event.sender,
        "content": event.content,
        "origin_server_ts": event.origin_server_ts,
    }
