"""The users by whom a room without a name is called ("Calculating the display name for a room")."""

from __future__ import annotations

from matrix_app.storage import members

MOST = 5


def find(room_nid: int, user_nid: int) -> list[int]:
    """The first five joined or invited members besides the user; those who left when there is nobody."""
    return members.earliest(room_nid, user_nid, (2, 1), MOST) or members.earliest(
        room_nid, user_nid, (0, 4), MOST
    )
