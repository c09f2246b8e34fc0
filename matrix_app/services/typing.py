"""Typing notifications: who types in a room, until they stop or their time is over."""

from __future__ import annotations

from typing import Final

from matrix_app.http.requester import Requester
from matrix_app.services import presence
from matrix_app.services.joined_rooms import require_joined
from matrix_app.services.own_user import require_self
from matrix_app.services.timer import timer
from matrix_app.storage import db, typing
from matrix_app.storage.clock import now_ms

DEFAULT_TIMEOUT_MS: Final = 30_000
MOST_TIMEOUT_MS: Final = 120_000


def start_typing(requester: Requester, room_id: str, user_id: str, timeout_ms: int) -> None:
    """Let a user type for some time, two minutes at most; raises `Forbidden` for another user or room."""
    require_self(requester, user_id)
    room = require_joined(requester, room_id)
    timeout_ms = min(max(timeout_ms, 0), MOST_TIMEOUT_MS)
    with db.write():
        if typing.put(room.nid, requester.user_nid, now_ms() + timeout_ms):
            typing.rooms_changed([room.nid])
        db.on_commit(lambda: timer.call_in(timeout_ms / 1000 + 0.05, expire))
    presence.active(requester.user_nid)


def stop_typing(requester: Requester, room_id: str, user_id: str) -> None:
    """Let a user stop typing; raises as `start_typing` does."""
    require_self(requester, user_id)
    room = require_joined(requester, room_id)
    with db.write():
        left(room.nid, requester.user_nid)


def receive_typing(room_nid: int, user_nid: int, *, is_typing: bool) -> None:
    """What another server tells of one of its users who is in the room."""
    if not is_typing:
        with db.write():
            left(room_nid, user_nid)
        return
    with db.write():
        if typing.put(room_nid, user_nid, now_ms() + DEFAULT_TIMEOUT_MS):
            typing.rooms_changed([room_nid])
        db.on_commit(lambda: timer.call_in(DEFAULT_TIMEOUT_MS / 1000 + 0.05, expire))


def left(room_nid: int, user_nid: int) -> None:
    """A user no longer types in a room, if they did; inside a write transaction."""
    if typing.remove(room_nid, user_nid):
        typing.rooms_changed([room_nid])


def expire() -> int:
    """End the typing of those whose time is over, and tell their rooms; how many rooms."""
    if not typing.has_expired(now_ms()):
        return 0
    with db.write():
        changed = typing.remove_expired(now_ms())
        typing.rooms_changed(changed)
    return len(changed)
