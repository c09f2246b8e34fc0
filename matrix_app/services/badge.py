"""How much a user has not read, in all their rooms: what phones show beside an app's picture."""

from __future__ import annotations

from matrix_app.storage import members, unread_counts


def unread_messages(user_nid: int) -> int:
    """The sum of what /sync shows as unread notifications of each room, threads included."""
    counts = unread_counts.counts(user_nid, members.joined_rooms(user_nid))
    return sum(room.total_notification for room in counts.values())
