"""The rooms that a space names as its children, in the order in which they are shown."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from matrix_app.protocol.events import Event
from matrix_app.services.room_previews import RoomPreview
from matrix_app.storage import current_entries, events

SPACE: Final = "m.space"
_CHILD: Final = "m.space.child"
# An order is at most 50 printable ASCII characters; another is as good as none.
_ORDER: Final = re.compile(r"[\x20-\x7e]{1,50}")


class SpaceChild(NamedTuple):
    """A child and the event that names it, stripped."""

    room_id: str
    body: dict[str, Any]


def children_of(space: RoomPreview, suggested_only: bool) -> list[SpaceChild]:
    """The valid children of a room; of one that is no space, none."""
    if space.summary.room_type != SPACE:
        return []
    children = [event for event in _child_events(space.room.nid) if _is_child(event, suggested_only)]
    children.sort(key=_sort_key)
    return [SpaceChild(event.state_key or "", _stripped(event)) for event in children]


def children_named_in(room_nid: int) -> frozenset[str]:
    """The IDs of the rooms that the `m.space.child` events of a room name."""
    return frozenset(event.state_key or "" for event in _child_events(room_nid) if _is_child(event, False))


def _child_events(room_nid: int) -> list[Event]:
    rows = current_entries.of_type(room_nid, _CHILD)
    return [events.parse(row) for row in rows if row.redacted_by_nid is None]


def _is_child(event: Event, suggested_only: bool) -> bool:
    via = event.content.get("via")
    if not isinstance(via, list) or not via or not (event.state_key or "").startswith("!"):
        return False
    return not suggested_only or event.content.get("suggested") is True


def _sort_key(event: Event) -> tuple[bool, str, int, str]:
    order = event.content.get("order")
    if not isinstance(order, str) or _ORDER.fullmatch(order) is None:
        return True, "", event.origin_server_ts, event.state_key or ""
    return False, order, event.origin_server_ts, event.state_key or ""


def _stripped(event: Event) -> dict[str, Any]:
    return {
        "type": event.type,
        "state_key": event.state_key,
        "sender": event.sender,
        "content": event.content,
        "origin_server_ts": event.origin_server_ts,
    }
