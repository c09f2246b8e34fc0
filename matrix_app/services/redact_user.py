"""Redacting all messages of a user of this server, as the user: a long task."""

from __future__ import annotations

from typing import Final

from matrix_app.http.requester import Requester
from matrix_app.protocol.errors import MatrixError
from matrix_app.protocol.said import said, said_of
from matrix_app.services.long_tasks import LongTask, long_task
from matrix_app.services.redact import redact
from matrix_app.storage import interning, rooms, sent_events
from matrix_app.storage.events import EventRow

BATCH: Final = 500
_LAST: Final = [1 << 60, 1 << 60]
_NEVER: Final = frozenset({"m.room.create", "m.room.member", "m.room.power_levels", "m.room.redaction"})


@long_task("user.redact")
def redact_some(task: LongTask) -> bool:
    """Redact the user's messages among the next events of a room; True when the last room is done."""
    user_nid = task.params["user_nid"]
    only = task.params.get("room_nids")
    room_nids = [nid for nid in sent_events.rooms_of_sender(user_nid) if only is None or nid in only]
    place = task.checkpoint
    left = [nid for nid in room_nids if nid >= place.get("room", 0)]
    task.total, task.done = len(room_nids), len(room_nids) - len(left)
    if not left:
        return True
    if left[0] != place.get("room"):
        place.update(room=left[0], before=_LAST)
    room = rooms.by_nid(left[0])
    task.step = room.room_id
    batch = sent_events.before_place(room.nid, before=tuple(place["before"]), limit=BATCH)
    counts = place.setdefault("counts", {"redacted": 0, "refused": 0})
    for row in batch:
        if _wanted(row, user_nid):
            counts["redacted" if _redact(task, room.room_id, row) else "refused"] += 1
    task.result = counts
    if len(batch) < BATCH:
        place.update(room=left[0] + 1, before=_LAST)
    else:
        place["before"] = [batch[-1].depth, batch[-1].nid]
    return False


def _wanted(row: EventRow, user_nid: int) -> bool:
    return row.sender_nid == user_nid and row.redacted_by_nid is None and row.type not in _NEVER


def _redact(task: LongTask, room_id: str, row: EventRow) -> bool:
    """Redact an event as its sender; False where the room refuses, as after a ban."""
    sender = Requester(
        user_id=interning.user_id_of(row.sender_nid),
        user_nid=row.sender_nid,
        device_id=None,
        device_nid=None,
        token_nid=None,
    )
    try:
        redact(sender, room_id, row.event_id, reason=task.params.get("reason") or None)
    except MatrixError as error:
        task.warn(said("{who}: {why}", who=room_id, why=said_of(error.message)))
        task.checkpoint["counts"]["last_refusal"] = error.message
        return False
    return True
