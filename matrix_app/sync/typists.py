"""Who types, as a user sees it: nobody whom they ignore ("Ignoring Users")."""

from __future__ import annotations

from collections.abc import Iterable

from matrix_app.storage import typing
from matrix_app.sync import memo


def in_rooms(user_nid: int, room_nids: Iterable[int], after: int, upto: int) -> dict[int, list[int]]:
    """For the rooms where it changed after `after` up to `upto`: the nids of those who type now."""
    found, ignored = typing.in_rooms(room_nids, after, upto), memo.ignored_users(user_nid)
    if not ignored:
        return found
    return {nid: [user for user in users if user not in ignored] for nid, users in found.items()}
