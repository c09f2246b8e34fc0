"""Asking other servers, after a restore, for what rooms have lost: a long task.

Servers do not send again what had arrived here, and a room in which nobody says anything would stay behind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.utils.module_loading import import_string

from matrix_app.protocol.said import said
from matrix_app.services.audit import Actor
from matrix_app.services.long_tasks import LongTask, long_task, start
from matrix_app.storage import rooms, shared_rooms
from matrix_app.storage.rooms import RoomIdentity

KIND: Final = "restore.fetch_lost"


def fetch_lost_events(actor: Actor) -> int:
    """Have every room that other servers share asked about, once the server runs; the nid of the task."""
    return start(KIND, said("Fetch from other servers what rooms have lost"), {}, actor, at_once=False)


@long_task(KIND)
def fetch_next(task: LongTask) -> bool:
    """Ask about one room; True after the last."""
    if task.total is None:
        task.total = shared_rooms.count()
    task.step = said("asking other servers")
    room_nid = shared_rooms.next_after(task.checkpoint.get("room", 0))
    if room_nid is None:
        return True
    fetch: Callable[[RoomIdentity], bool | None] = import_string(settings.LATEST_EVENT)
    found = fetch(rooms.by_nid(room_nid))
    behind, unanswered = task.checkpoint.get("behind", 0), task.checkpoint.get("unanswered", 0)
    task.result = {"behind": behind + (found is True), "unanswered": unanswered + (found is None)}
    task.checkpoint = {"room": room_nid, **task.result}
    task.done += 1
    return False
