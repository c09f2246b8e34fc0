"""Profiles of users of other servers."""

from __future__ import annotations

from typing import Any

from matrix_app.protocol.errors import NotFound
from matrix_app.storage import events, interning, members, profiles


def profile_of(user_id: str) -> dict[str, Any]:
    """What is known of a remote user: fields that were kept, or what a room shows of them.

    Raises `NotFound` for a user whom nobody here has met: their own server, which could tell, is asked
    over federation.
    """
    nid = interning.find_user(user_id)
    fields = profiles.get_fields(nid) if nid is not None else {}
    shown = shown_in_rooms(nid) if nid is not None and not fields else None
    if not fields and shown is None:
        raise NotFound("The user's server could not be asked over federation")
    return fields or shown or {}


def shown_in_rooms(user_nid: int) -> dict[str, Any] | None:
    """The name and avatar in the newest member event of a user who is in a room; None in no room."""
    rows = members.of_user(user_nid, [members.Membership.JOIN])
    if not rows:
        return None
    latest = max(rows, key=lambda row: row.position)
    content = events.events_by_nid([latest.event_nid])[latest.event_nid].content
    names = ("displayname", "avatar_url")
    return {name: content[name] for name in names if isinstance(content.get(name), str)}
