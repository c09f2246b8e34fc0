"""Local events of rooms that have a policy server: signed by it first, and then stored.

It may take its time, in which the room goes on for everybody: the events are built on where the room was and
stored as those of other servers are. The events of one sender stay in their order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from matrix_app.http.view_threads import waiting_for_others
from matrix_app.protocol.errors import AuthorizationFailed, Unavailable
from matrix_app.services.keyed_locks import KeyedLocks
from matrix_app.services.persist import Pending
from matrix_app.services.policy_signing import SECONDS, signed_if_needed
from matrix_app.services.received_events import store_received
from matrix_app.services.room_lock import room_locked
from matrix_app.services.room_writer import RoomWriter, read_room
from matrix_app.storage import db, events, transactions
from matrix_app.storage.events import Status
from matrix_app.storage.rooms import RoomIdentity

T = TypeVar("T")

# Somebody's events wait for their earlier ones so long at most.
_PATIENCE: Final = 3 * SECONDS
_ATTEMPTS: Final = 2

_locks: KeyedLocks[tuple[int, str]] = KeyedLocks()


class _SentMeanwhileError(Exception):
    """Another process has answered the same transaction of a client."""


def write_signed(
    room: RoomIdentity,
    sender: str,
    change: Callable[[RoomWriter], T],
    beside: Callable[[T], None] | None,
) -> T:
    """As `write_room`, after the room's policy server has signed what `change` adds.

    Raises what the policy server says against an event, `RemoteUnreachable` when it says nothing in time, and
    `AuthorizationFailed` when the room has come to refuse it meanwhile; nothing is stored then.
    """
    with waiting_for_others(), _locks.locked((room.nid, sender), _PATIENCE):
        for _ in range(_ATTEMPTS):
            writer = read_room(room)
            result = change(writer)
            for item in writer.pending:
                item.event = signed_if_needed(room, item.event)
            try:
                _store(room, writer.pending, None if beside is None else lambda: beside(result))  # noqa: B023
            except _SentMeanwhileError:
                continue
            return result
    raise Unavailable("The room is busy")


def _store(room: RoomIdentity, pending: Sequence[Pending], beside: Callable[[], None] | None) -> None:
    with room_locked(room.nid), db.write():
        for item in pending:
            status = store_received(room, item.event, unrecommended=True)
            if status != Status.NORMAL:
                raise AuthorizationFailed("The room no longer allows this")
            _note_transaction(item)
        if pending and beside is not None:
            beside()


def _note_transaction(item: Pending) -> None:
    if item.txn_id is None or item.device_nid is None:
        return
    if transactions.find_event(item.device_nid, item.txn_scope, item.txn_id) is not None:
        raise _SentMeanwhileError
    nid = events.nids_by_id([item.event.event_id])[item.event.event_id]
    transactions.put_event(item.device_nid, item.txn_scope, item.txn_id, nid)
