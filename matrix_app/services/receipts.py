"""Receipts and fully read markers ("Receipts", "Fully read markers")."""

from __future__ import annotations

from typing import Final

import orjson

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.protocol.ids import parse_event_id
from matrix_app.services import presence
from matrix_app.services.event_threads import MAIN_THREAD, timelines_of
from matrix_app.services.joined_rooms import require_joined
from matrix_app.services.read_marks import mark_read
from matrix_app.storage import account_data, db, events, receipts, unread
from matrix_app.storage.clock import now_ms
from matrix_app.storage.events import EventRow
from matrix_app.storage.receipts import PRIVATE, PUBLIC, UNTHREADED, ReceiptRow
from matrix_app.storage.rooms import RoomIdentity
from matrix_app.storage.stream import Kind, append_one
from matrix_app.storage.user_lock import lock_user

FULLY_READ: Final = "m.fully_read"
TYPES: Final = (PUBLIC, PRIVATE, FULLY_READ)


def send_receipt(
    requester: Requester, room_id: str, receipt_type: str, event_id: str, *, thread_id: str | None = None
) -> None:
    """Say that the requester has read up to an event; a receipt never goes back to an earlier event.

    Raises `Forbidden` for who is not in the room, `NotFound` for an event that is not in it, and
    `InvalidParam` for a thread that the event does not belong to.
    """
    if receipt_type not in TYPES:
        raise InvalidParam("The receipt type must be m.read, m.read.private or m.fully_read")
    if thread_id is not None and (not thread_id or receipt_type == FULLY_READ):
        raise InvalidParam("A thread_id is a non-empty string, and not for m.fully_read")
    room = require_joined(requester, room_id)
    event = _event_in(room, event_id)
    if receipt_type == FULLY_READ:
        _move_marker(requester.user_nid, room, event)
    else:
        _move_receipt(requester.user_nid, room, receipt_type, event, thread_id)
        presence.active(requester.user_nid)


def receive_receipt(
    room: RoomIdentity, user_nid: int, event_id: str, *, thread_id: str | None, ts: int
) -> None:
    """What another server tells of how far one of its users has read; not back to an earlier event."""
    event = events.row_by_id(event_id)
    if event is not None and event.room_nid != room.nid:
        raise NotFound("The event is not in this room")
    thread = UNTHREADED if thread_id is None else thread_id
    with db.write():
        before = receipts.get(room.nid, user_nid, PUBLIC, thread)
        if before is not None and event is not None and not _is_later(event, before.event_nid):
            return
        position = append_one(Kind.RECEIPT, room=room.nid)
        event_nid = event.nid if event is not None else None
        receipts.put(ReceiptRow(room.nid, user_nid, PUBLIC, thread, event_id, event_nid, ts, position))


def _event_in(room: RoomIdentity, event_id: str) -> EventRow:
    event = events.row_by_id(parse_event_id(event_id))
    if event is None or event.room_nid != room.nid:
        raise NotFound("The event is not in this room")
    return event


def _move_receipt(
    user_nid: int, room: RoomIdentity, receipt_type: str, event: EventRow, thread_id: str | None
) -> None:
    thread_nid = _thread_nid(event, thread_id)
    with db.write():
        lock_user(user_nid)
        thread = UNTHREADED if thread_id is None else thread_id
        before = receipts.get(room.nid, user_nid, receipt_type, thread)
        if before is not None and not _is_later(event, before.event_nid):
            return
        if event.position is not None:
            mark_read(user_nid, room.nid, thread_nid, event.position)
        # Nobody else may learn of a private receipt.
        whom = {"user": user_nid} if receipt_type == PRIVATE else {"room": room.nid}
        position = append_one(Kind.RECEIPT, **whom)
        found = (room.nid, user_nid, receipt_type, thread, event.event_id, event.nid, now_ms(), position)
        receipts.put(ReceiptRow(*found))


def _thread_nid(event: EventRow, thread_id: str | None) -> int:
    if thread_id is None:
        return unread.ROOM
    timelines = timelines_of(event)
    if thread_id not in timelines:
        raise InvalidParam("The event is not in this thread")
    return unread.MAIN if thread_id == MAIN_THREAD else timelines[thread_id]


def _is_later(event: EventRow, before_nid: int | None) -> bool:
    before = events.rows_by_nid([before_nid]).get(before_nid) if before_nid is not None else None
    return before is None or _place(event) > _place(before)


def _place(event: EventRow) -> tuple[int, int, int]:
    # History that was fetched later has no position and is older than all that came live.
    return (-1 if event.position is None else event.position, event.depth, event.nid)


def _move_marker(user_nid: int, room: RoomIdentity, event: EventRow) -> None:
    with db.write():
        lock_user(user_nid)
        before = account_data.get(user_nid, room.nid, FULLY_READ)
        if before is not None:
            row = events.row_by_id(orjson.loads(before).get("event_id", ""))
            if row is not None and _place(event) <= _place(row):
                return
        content = orjson.dumps({"event_id": event.event_id})
        account_data.put(user_nid, room.nid, FULLY_READ, content)
