"""The users by whom clients call rooms without a name (`StrippedHero` of MSC4186)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matrix_app.storage import events, interning, members
from matrix_app.sync.v2 import room_heroes


def of_rooms(room_nids: Sequence[int], user_nid: int) -> dict[int, list[dict[str, Any]]]:
    """The heroes of some rooms, as their member events show them."""
    users = {nid: room_heroes.find(nid, user_nid) for nid in room_nids}
    pairs = [(nid, user) for nid, found in users.items() for user in found]
    nids = members.events_of_pairs(pairs)
    rows = events.rows_by_nid(set(nids.values()))
    names = interning.user_ids({user for _, user in pairs})
    heroes: dict[int, list[dict[str, Any]]] = {nid: [] for nid in room_nids}
    for room, user in pairs:
        row = rows.get(nids.get((room, user), 0))
        content = events.parse(row).content if row is not None and row.redacted_by_nid is None else {}
        heroes[room].append(_hero(names[user], content))
    return heroes


def _hero(user_id: str, content: dict[str, Any]) -> dict[str, Any]:
    hero = {"user_id": user_id}
    for key in ("displayname", "avatar_url"):
        if isinstance(content.get(key), str):
            hero[key] = content[key]
    return hero
