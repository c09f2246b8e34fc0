"""The tree of rooms below a space ("Discovering rooms within spaces")."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, NamedTuple

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Forbidden, InvalidParam
from matrix_app.services.room_previews import RoomPreview, previews
from matrix_app.services.space_children import SpaceChild, children_of

MAX_DEPTH: Final = 50
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

    preview: RoomPreview
    children: list[SpaceChild]

    def body(self) -> dict[str, Any]:
        """The room as the hierarchy lists it."""
        return self.preview.body() | {"children_state": [child.body for child in self.children]}


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
    root = previews([room_id], reader).get(room_id)
    if root is None or not root.is_accessible:
        raise Forbidden("You are not in this room, and it cannot be previewed")
    skipped = _position(start, query)
    walk = islice(_walk(root, reader, query), skipped, skipped + limit + 1)
    found = list(walk)
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


def _walk(root: RoomPreview, reader: Requester, query: TreeQuery) -> Iterator[TreeRoom]:
    """The rooms that the user may know of, each once, spaces followed by what is in them."""
    waiting = [(root, 0)]
    seen = {root.room.room_id}
    for _ in range(_MOST_ROOMS):
        if not waiting:
            return
        preview, depth = waiting.pop()
        children = children_of(preview, query.suggested_only)
        yield TreeRoom(preview, children)
        if depth >= query.max_depth:
            continue
        below = previews([child.room_id for child in children if child.room_id not in seen], reader)
        ordered = [below[child.room_id] for child in children if child.room_id in below]
        accessible = [child for child in ordered if child.is_accessible]
        waiting += [(child, depth + 1) for child in reversed(accessible)]
        seen.update(child.room.room_id for child in accessible)
