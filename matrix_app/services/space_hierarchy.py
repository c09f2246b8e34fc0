"""The tree of rooms below a space ("Discovering rooms within spaces")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal, NamedTuple

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden, InvalidParam
from matrix_app.services.remote_membership import candidates
from matrix_app.services.remote_spaces import TreeAsker, accessible
from matrix_app.services.room_previews import previews
from matrix_app.services.space_children import SpaceChild, children_of
from matrix_app.services.told_rooms import ToldRoom
from matrix_app.storage.local_server import local_server_name

MAX_DEPTH: Final = 50
# Rooms that are looked up together.
_AT_ONCE: Final = 20
# So many rooms of one space are gone through at most.
_MOST_ROOMS: Final = 5000
_TOKEN: Final = re.compile(r"h([0-9]{1,6})_([0-9]{1,4})_([01])")


class TreeQuery(NamedTuple):
    """What of a tree is asked for; the same on each of its pages."""

    max_depth: int = MAX_DEPTH
    suggested_only: bool = False


@dataclass(frozen=True, slots=True)
class TreeRoom:
    """A room of the tree with the children that it names."""

    summary: dict[str, Any]
    children: list[SpaceChild]

    def body(self) -> dict[str, Any]:
        """The room as the hierarchy lists it."""
        return self.summary | {"children_state": [child.body for child in self.children]}


class TreePage(NamedTuple):
    """A part of the tree in the order of the walk, and where the next part starts."""

    rooms: list[TreeRoom]
    next_batch: str | None


def read_tree(
    room_id: str, reader: Requester, query: TreeQuery, *, limit: int, start: str | None
) -> TreePage:
    """A part of the tree below a room.

    Raises `Forbidden` when the user may not know of the room, `InvalidParam` for a token of another query.
    """
    walk = _Walk(reader, query)
    root = walk.root(room_id)
    if root is None:
        raise Forbidden("You are not in this room, and it cannot be previewed")
    skipped = _position(start, query)
    found = list(islice(walk.rooms(root), skipped, skipped + limit + 1))
    more = len(found) > limit
    token = f"h{skipped + limit}_{query.max_depth}_{int(query.suggested_only)}" if more else None
    return TreePage(found[:limit], token)


def _position(start: str | None, query: TreeQuery) -> int:
    if start is None:
        return 0
    found = _TOKEN.fullmatch(start)
    if found is None:
        raise InvalidParam("Not a token of this endpoint")
    if (int(found[2]), found[3] == "1") != (query.max_depth, query.suggested_only):
        raise InvalidParam("suggested_only and max_depth cannot change on paginated requests")
    return int(found[1])


@dataclass(slots=True)
class _Place:
    """A room that the walk will come to, and how far down it is."""

    room_id: str
    servers: list[str]
    depth: int
    # None as long as nothing is known of the room, False where the user may not know of it.
    room: TreeRoom | Literal[False] | None = None


class _Walk:
    """Goes through the rooms that the user may know of, each once, spaces followed by what is in them."""

    def __init__(self, reader: Requester, query: TreeQuery) -> None:
        self._reader = reader
        self._query = query
        self._asker = TreeAsker(suggested_only=query.suggested_only)
        # What other servers said about children of a room along with it.
        self._told: dict[str, ToldRoom] = {}

    def root(self, room_id: str) -> _Place | None:
        """Where the walk begins; None when the user may not know of the room."""
        place = _Place(room_id, candidates(room_id, self._reader.user_nid, ()), 0)
        self._find([place])
        return place if place.room else None

    def rooms(self, root: _Place) -> Iterator[TreeRoom]:
        """The rooms in the order of the walk."""
        waiting = [root]
        seen = {root.room_id}
        for _ in range(_MOST_ROOMS):
            if not waiting:
                return
            if waiting[-1].room is None:
                # Those that come next are looked up together.
                self._find([place for place in waiting[-_AT_ONCE:] if place.room is None])
            place = waiting.pop()
            if not place.room:
                continue
            yield place.room
            if place.depth < self._query.max_depth:
                new = [child for child in place.room.children if child.room_id not in seen]
                seen.update(child.room_id for child in new)
                waiting += [_Place(child.room_id, child.servers, place.depth + 1) for child in reversed(new)]

    def _find(self, places: list[_Place]) -> None:
        here = previews([place.room_id for place in places], self._reader)
        elsewhere = [place for place in places if place.room_id not in here]
        told = self._ask(elsewhere) if elsewhere else {}
        may_know = accessible(told.values(), self._reader) if told else set()
        for place in places:
            preview, room = here.get(place.room_id), told.get(place.room_id)
            place.room = False
            if preview is not None and preview.is_accessible and not preview.is_barred:
                place.room = TreeRoom(preview.body(), children_of(preview, self._query.suggested_only))
            elif room is not None and room.room_id in may_know:
                place.room = TreeRoom(room.summary, room.children or [])

    def _ask(self, places: list[_Place]) -> dict[str, ToldRoom]:
        known = {place.room_id: self._told[place.room_id] for place in places if place.room_id in self._told}
        found = {room_id: room for room_id, room in known.items() if room.is_complete}
        own = local_server_name()
        wanted = {
            place.room_id: [name for name in place.servers if name != own]
            for place in places
            if place.room_id not in found
        }
        for room_id, tree in self._asker.ask(wanted).items():
            found[room_id] = tree.room
            self._told.update(tree.children)
        # Where nobody says more of a space, it is shown without what is in it.
        return known | found
