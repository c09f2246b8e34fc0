"""Who is typing (MSC3961)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from matrix_app.storage import interning, rooms
from matrix_app.sync import typists
from matrix_app.sync.sliding.extensions.scope import START
from matrix_app.sync.sliding.request import SlidingRequest


def tell(request: SlidingRequest, starts: Mapping[int, int], changed: Collection[int]) -> dict[str, Any]:
    """The rooms where it changed, and of those that are new the ones where somebody types."""
    since = request.since or 0
    fresh = [nid for nid, start in starts.items() if start == START or start < since]
    found = typists.in_rooms(request.user_nid, fresh, 0, request.upto) if fresh else {}
    found = {nid: users for nid, users in found.items() if users}
    others = [nid for nid in starts if nid in changed and nid not in fresh]
    if others:
        found.update(typists.in_rooms(request.user_nid, others, since, request.upto))
    names = interning.user_ids({user for users in found.values() for user in users})
    shown = {
        rooms.by_nid(nid).room_id: {
            "type": "m.typing",
            "content": {"user_ids": [names[user] for user in users]},
        }
        for nid, users in found.items()
    }
    return {"rooms": shown} if shown else {}
