"""Removing the old messages of a room: a long task. Other servers keep theirs, and can be asked for them."""

from __future__ import annotations

from typing import Final

from matrix_app.protocol.errors import InvalidParam, NotFound
from matrix_app.protocol.said import said
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.services.effects import unread
from matrix_app.services.long_tasks import LongTask, long_task, start
from matrix_app.storage import db, events, extremities, history_purge, rooms
from matrix_app.storage.events import EventRow
from matrix_app.storage.history_purge import OldEvent, Place
from matrix_app.storage.rooms import RoomIdentity

BATCH: Final = 500
KIND: Final = "room.purge_history"


def purge_before_event(actor: Actor, room_id: str, event_id: str, *, local_too: bool) -> int:
    """Remove what came before an event of a room; the nid of the task. Raises `NotFound`.

    Without `local_too`, messages of this server's users are hidden and not removed.
    """
    room = _room(room_id)
    row = events.row_by_id(event_id)
    if row is None or row.room_nid != room.nid or row.is_outlier:
        raise NotFound("The event is not known in this room")
    return _start(actor, room, row.depth, local_too)


def purge_before_time(actor: Actor, room_id: str, ts: int, *, local_too: bool) -> int:
    """Remove what was sent up to a time, in milliseconds; the nid of the task. The last event stays."""
    room = _room(room_id)
    if ts < 0:
        raise InvalidParam("A time is not negative")
    depth = history_purge.depth_at_time(room.nid, ts)
    return _start(actor, room, history_purge.greatest_depth(room.nid) if depth is None else depth, local_too)


def _room(room_id: str) -> RoomIdentity:
    room = rooms.find(room_id)
    if room is None:
        raise NotFound("The room is not known")
    return room


def _start(actor: Actor, room: RoomIdentity, depth: int, local_too: bool) -> int:
    params = {"room_nid": room.nid, "depth": depth, "local_too": local_too}
    with db.write():
        audit.record(actor, "room.purge_history", room.room_id, local_too=local_too)
        return start(KIND, said("Remove old messages of {room_id}", room_id=room.room_id), params, actor)


@long_task(KIND)
def purge_some(task: LongTask) -> bool:
    """Remove some messages, then find out where history has a gap now; True at the end."""
    if task.checkpoint.get("phase") == "gaps":
        return _note_gaps(task)
    task.step = said("removing messages")
    room_nid = task.params["room_nid"]
    found = history_purge.old_events(room_nid, _place(task, (task.params["depth"], -1)), BATCH)
    old = [one for one in found if not one.is_end]
    gone = [one.row.nid for one in old if _goes(task, one)]
    with db.write():
        for one in old:
            unread.forget(one.row)
        history_purge.remove(room_nid, gone)
        history_purge.hide(room_nid, [one.row.nid for one in old if not _goes(task, one)])
    task.done += len(gone)
    task.result = {"messages_removed": task.done}
    if len(found) < BATCH:
        task.checkpoint = {"phase": "gaps"}
    else:
        task.checkpoint = {"place": [found[-1].row.depth, found[-1].row.nid]}
    return False


def _goes(task: LongTask, one: OldEvent) -> bool:
    """Whether an event goes for good. Those of this server's users may be the only copy anywhere."""
    return one.row.key_nid is None and (task.params["local_too"] or not one.is_local)


def _place(task: LongTask, first: Place) -> Place:
    depth, nid = task.checkpoint.get("place", first)
    return depth, nid


def _note_gaps(task: LongTask) -> bool:
    """Note which predecessors of the events that are left are gone: readers may have them fetched again."""
    task.step = said("noting gaps")
    room_nid = task.params["room_nid"]
    batch = events.history(
        room_nid, after=_place(task, history_purge.BEGINNING), limit=BATCH, backwards=False
    )
    with db.write():
        for row in batch:
            _note_gap(room_nid, row)
    task.result = {"messages_removed": task.done}
    if len(batch) < BATCH:
        return True
    task.checkpoint["place"] = [batch[-1].depth, batch[-1].nid]
    return False


def _note_gap(room_nid: int, row: EventRow) -> None:
    before = events.parse(row).prev_event_ids
    here = events.rows_by_id(before)
    missing = [name for name in before if name not in here or here[name].is_outlier]
    if missing:
        extremities.add_backward(room_nid, row.nid, missing)
