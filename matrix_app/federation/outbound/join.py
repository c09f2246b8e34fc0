"""Joining a room that this server is not in, or cannot let its users into ("Joining Rooms")."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from weakref import WeakValueDictionary

import structlog

from appliance.config import get_config
from matrix_app.federation.inbound.progress import Unwatched
from matrix_app.federation.outbound.entering import HandedIn, take_in
from matrix_app.federation.outbound.handshake import complete, first_of, hand_in_join, make
from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import Unavailable
from matrix_app.services.known_rooms import is_here
from matrix_app.services.room_succession import carry_over
from matrix_app.storage import db, invite_state
from matrix_app.storage.rooms import RoomIdentity

# How long the second join of a room waits for the first.
LONGEST: Final = 300.0
# Joins under way at a time: each may need much memory.
AT_ONCE: Final = 4
# How long a join waits for others to end.
PATIENCE: Final = 60.0

_log = structlog.get_logger("matrix_app.federation.outbound")
_slots = threading.BoundedSemaphore(AT_ONCE)
_locks: WeakValueDictionary[str, _JoinLock] = WeakValueDictionary()
_locks_guard = threading.Lock()


class _JoinLock:
    __slots__ = ("__weakref__", "lock")

    def __init__(self) -> None:
        self.lock = threading.Lock()


@contextmanager
def _alone(room_id: str) -> Iterator[None]:
    """One join of a room at a time: the second finds the room here."""
    with _locks_guard:
        holder = _locks.setdefault(room_id, _JoinLock())
    if not holder.lock.acquire(timeout=LONGEST):
        raise Unavailable("Another join of this room is under way")
    try:
        if not _slots.acquire(timeout=PATIENCE):
            raise Unavailable("Too many joins are under way")
        try:
            yield
        finally:
            _slots.release()
    finally:
        holder.lock.release()


def join(requester: Requester, room_id: str, servers: Sequence[str], content: dict[str, Any]) -> None:
    """Join by way of the first of the servers that lets the user in. It goes on if the client gives up."""
    was_here = is_here(room_id)
    with _alone(room_id):
        if not was_here and is_here(room_id):
            _join_here(requester, room_id, servers, content)
            return
        room = first_of(servers, lambda server: _join_by(server, requester.user_id, room_id, content))
    with db.write():
        invite_state.remove(room.nid, requester.user_nid)
    carry_over(room, requester.user_nid)


def _join_here(requester: Requester, room_id: str, servers: Sequence[str], content: dict[str, Any]) -> None:
    """Somebody else from here has just come into the room."""
    from matrix_app.services import joining

    joining.join(requester, room_id, via=servers, extra=content)


def _join_by(server: str, user_id: str, room_id: str, content: dict[str, Any]) -> RoomIdentity:
    template = make(server, "join", room_id, user_id)
    event = complete(template, content)
    with tempfile.TemporaryFile(dir=get_config().server.data_dir) as answer:
        hand_in_join(server, event, answer)
        room = take_in(HandedIn(template.rules, event, server), answer, Unwatched())
    _log.info("joined", room_id=room_id, server=server)
    return room
