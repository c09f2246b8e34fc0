"""Joining a room that this server is not in, or cannot let its users into ("Joining Rooms")."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final
from weakref import WeakValueDictionary

import structlog

from matrix_app.federation.inbound.gaps import GapFiller
from matrix_app.federation.inbound.pdus import read_all, read_pdu, verified
from matrix_app.federation.outbound.handshake import Template, complete, first_of, hand_in, make
from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import BadGateway, Unavailable
from matrix_app.protocol.events import Event
from matrix_app.services.adopt_state import adopt_state
from matrix_app.services.known_rooms import is_here
from matrix_app.services.outliers import store_outliers
from matrix_app.services.received_events import MissingEventsError, store_received
from matrix_app.services.room_succession import carry_over
from matrix_app.storage import db, invite_state, rooms
from matrix_app.storage.rooms import RoomIdentity

# The answer of a server that has to look up the state of a big room.
JOIN_TIMEOUT: Final = 300.0
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
    if not holder.lock.acquire(timeout=JOIN_TIMEOUT):
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
    answer = hand_in(server, "join", event, timeout=JOIN_TIMEOUT, query={"omit_members": "false"})
    if not isinstance(answer, dict) or answer.get("members_omitted") is True:
        raise BadGateway(f"{server} did not tell who is in the room")
    return _take_in(template, event, answer)


def _take_in(template: Template, event: Event, answer: dict[str, Any]) -> RoomIdentity:
    """Store the room with everything that could be verified; raises `BadGateway` when that is no room."""
    server = template.server
    room = RoomIdentity(0, event.room_id, template.rules)
    event = _as_signed_there(room, event, answer, server)
    state = verified(read_all(room, answer.get("state"), origin=server), origin=server)
    _check_create(template, state)
    chain = verified(read_all(room, answer.get("auth_chain"), origin=server), origin=server)
    with db.write():
        room = rooms.ensure(event.room_id, template.rules.identifier)
    if room.rules != template.rules:
        raise BadGateway(f"{server} says that the room has another version than it has")
    store_outliers(room, [*chain, *state])
    if is_here(room.room_id):
        _receive(room, event, server)
    else:
        adopt_state(room, event, [found.event_id for found in state])
    _log.info("joined", room_id=room.room_id, server=server, state=len(state))
    return room


def _as_signed_there(room: RoomIdentity, event: Event, answer: dict[str, Any], server: str) -> Event:
    # "The signed copy of the membership event sent to other servers by the resident server, including the
    # resident server's signature." It is needed where a user of that server lets the user in.
    if not isinstance(answer.get("event"), dict):
        return event
    signed = read_pdu(room, answer["event"])
    if signed.event_id != event.event_id:
        return event
    kept = verified([signed], origin=server)
    if not kept:
        raise BadGateway(f"{server} did not sign the join as it must")
    return kept[0]


def _check_create(template: Template, state: Sequence[Event]) -> None:
    for event in state:
        if (event.type, event.state_key) == ("m.room.create", ""):
            if event.content.get("room_version", "1") != template.rules.identifier:
                raise BadGateway(f"{template.server} says that the room has another version than it has")
            return
    raise BadGateway(f"{template.server} did not tell how the room began")


def _receive(room: RoomIdentity, event: Event, server: str) -> None:
    """This server is in the room already, but another one had to let its user in."""
    try:
        store_received(room, event)
    except MissingEventsError:
        GapFiller(room, server).complete(event)
        store_received(room, event)
