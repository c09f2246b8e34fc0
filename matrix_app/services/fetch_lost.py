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
from matrix_app.services.retry_wait import growing
from matrix_app.storage import rooms, shared_rooms
from matrix_app.storage.rooms import RoomIdentity

KIND: Final = "restore.fetch_lost"
# How often rooms are asked about in which no server answers, when for the second time, and the longest pause.
MOST_ROUNDS: Final = 12
FIRST_PAUSE_MS: Final = 300_000
LONGEST_PAUSE_MS: Final = 3_600_000
# Of more, those that are left are found by the next event of each.
MOST_AGAIN: Final = 5_000


def fetch_lost_events(actor: Actor) -> int:
    """Have every room that other servers share asked about, once the server runs; the nid of the task."""
    return start(KIND, said("Fetch from other servers what rooms have lost"), {}, actor, at_once=False)


@long_task(KIND)
def fetch_next(task: LongTask) -> bool:
    """Ask about one room; True after the last. Where nobody answered, another task asks again later."""
    if task.total is None:
        task.total = len(task.params["rooms"]) if "rooms" in task.params else shared_rooms.count()
    task.step = said("asking other servers")
    room_nid = _next_after(task, task.checkpoint.get("room", 0))
    if room_nid is None:
        _ask_again(task)
        return True
    fetch: Callable[[RoomIdentity], bool | None] = import_string(settings.LATEST_EVENT)
    room = rooms.by_nid(room_nid)
    found = fetch(room)
    if found is None:
        task.warn(said("No server answers for {room_id}", room_id=room.room_id))
    behind, unanswered = task.checkpoint.get("behind", 0), task.checkpoint.get("unanswered", 0)
    task.result = {"behind": behind + (found is True), "unanswered": unanswered + (found is None)}
    again = task.checkpoint.get("again", []) + ([room_nid] if found is None else [])
    task.checkpoint = {"room": room_nid, **task.result, "again": again[:MOST_AGAIN]}
    task.done += 1
    return False


def _next_after(task: LongTask, room_nid: int) -> int | None:
    if "rooms" not in task.params:
        return shared_rooms.next_after(room_nid)
    return min(
        (nid for nid in task.params["rooms"] if nid > room_nid and shared_rooms.has(nid)), default=None
    )


def _ask_again(task: LongTask) -> None:
    again, rounds = task.checkpoint.get("again", []), task.params.get("round", 1)
    if again and rounds < MOST_ROUNDS:
        pause = growing(FIRST_PAUSE_MS, rounds - 1, LONGEST_PAUSE_MS)
        params = {"rooms": again, "round": rounds + 1}
        title = said("Fetch from other servers what rooms have lost")
        start(KIND, title, params, task.actor, at_once=False, after_ms=pause)
