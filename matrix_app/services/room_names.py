"""What a room is called for one of its members ("Calculating the display name for a room")."""

from __future__ import annotations

from typing import Any, Final

import orjson

from matrix_app.protocol.ids import localpart_of
from matrix_app.storage import events, interning, invite_state, members, state, summaries

_MOST: Final = 3


def room_name(room_nid: int, viewer_nid: int) -> str:
    """The room's name, its alias, or the names of the others in it."""
    summary = summaries.get(room_nid)
    named = summary.name or summary.canonical_alias or _name_in_invite(room_nid, viewer_nid)
    if named:
        return named
    others = members.earliest(room_nid, viewer_nid, (2, 1), _MOST)
    names = member_names(room_nid, others)
    shown = [names[nid] for nid in others]
    more = summary.joined_members + summary.invited_members - 1 - len(shown)
    if not shown:
        return "Empty room"
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(shown) if len(shown) < 3 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _name_in_invite(room_nid: int, viewer_nid: int) -> str | None:
    """What an invite says of a room that this server is not in."""
    stored = invite_state.get_many(viewer_nid, [room_nid]).get(room_nid)
    content: dict[str, Any] = {}
    for event in orjson.loads(stored) if stored is not None else ():
        if isinstance(event, dict) and isinstance(event.get("content"), dict):
            content[str(event.get("type"))] = event["content"]
    name = content.get("m.room.name", {}).get("name")
    alias = content.get("m.room.canonical_alias", {}).get("alias")
    return next((found for found in (name, alias) if isinstance(found, str) and found), None)


def member_names(room_nid: int, user_nids: list[int]) -> dict[int, str]:
    """The display names that members have in a room; for who has none, the first part of their ID."""
    user_ids = interning.user_ids(user_nids)
    keys = interning.find_keys([("m.room.member", user_id) for user_id in user_ids.values()])
    nids = state.current(room_nid, keys.values())
    found = events.events_by_nid(nids.values())
    names = {}
    for nid, user_id in user_ids.items():
        event = found.get(nids.get(keys.get(("m.room.member", user_id), 0), 0))
        name = event.content.get("displayname") if event is not None else None
        names[nid] = name if isinstance(name, str) and name.strip() else localpart_of(user_id)
    return names
