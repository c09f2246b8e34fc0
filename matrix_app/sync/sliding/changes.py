"""What the hub knows to have changed since a sliding sync's position."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from matrix_app.storage.stream import Kind
from matrix_app.sync.hub import hub
from matrix_app.sync.sliding.request import SlidingRequest

Kinds = set[int] | frozenset[int]

_EVERYTHING: Final = frozenset(int(kind) for kind in Kind)
_NOTHING: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Changes:
    """More than has changed is allowed, less is not. `rooms` is None when nothing is known of rooms."""

    rooms: Mapping[int, Kinds] | None
    user: Kinds

    def of_room(self, room_nid: int) -> Kinds:
        """The kinds of change in a room."""
        return _EVERYTHING if self.rooms is None else self.rooms.get(room_nid, _NOTHING)


def find_changes(request: SlidingRequest, room_nids: Iterable[int]) -> Changes:
    """What changed for the user and in some rooms."""
    known = hub()
    if request.since is None or not known.knows(request.since):
        return Changes(None, _EVERYTHING)
    return Changes(
        known.room_kinds(room_nids, request.since), known.user_kinds(request.user_nid, request.since)
    )
