"""Removing the media of several users or rooms: long tasks, as it may be much."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from matrix_app.protocol.ids import Mxc
from matrix_app.protocol.said import said
from matrix_app.services import audit
from matrix_app.services.audit import Actor
from matrix_app.services.long_tasks import LongTask, long_task, start
from matrix_app.services.remove_media import remove_entries
from matrix_app.services.room_media import media_of_events
from matrix_app.storage import db, history, interning, media_sweep, rooms
from matrix_app.storage.media_sweep import Removable

OF_USERS: Final = "media.remove_of_users"
OF_ROOMS: Final = "media.remove_of_rooms"
BATCH: Final = 100
EVENTS: Final = 500


def remove_of_users(actor: Actor, user_nids: Sequence[int]) -> int:
    """Have all removed that some users uploaded; the nid of the task."""
    title = said("Remove the media of {count} users", count=len(user_nids))
    return start(OF_USERS, title, {"nids": list(user_nids)}, actor)


def remove_of_rooms(actor: Actor, room_nids: Sequence[int]) -> int:
    """Have the media removed that some rooms show, wherever else they are shown; the nid of the task.

    Those of encrypted messages cannot be known. What is protected or in quarantine stays.
    """
    title = said("Remove the media of {count} rooms", count=len(room_nids))
    return start(OF_ROOMS, title, {"nids": list(room_nids)}, actor)


@long_task(OF_USERS)
def remove_some_of_users(task: LongTask) -> bool:
    """Remove some media of the next user; True when there are no more users."""
    left = _left(task)
    if not left:
        return True
    task.step = interning.user_id_of(left[0])
    entries = media_sweep.of_user(left[0], BATCH)
    _remove(task, entries)
    if len(entries) < BATCH:
        _next(task, "media.remove_of_user", task.step)
    return False


@long_task(OF_ROOMS)
def remove_some_of_rooms(task: LongTask) -> bool:
    """Remove the media that the next events of a room show; True when there are no more rooms."""
    left = _left(task)
    if not left:
        return True
    task.step = rooms.by_nid(left[0]).room_id
    found = history.bodies(left[0], tuple(task.checkpoint.get("place", (-1, -1))), EVENTS)
    _remove(task, _removable(media_of_events(body for _, body in found)))
    if len(found) < EVENTS:
        _next(task, "media.remove_of_room", task.step)
    else:
        task.checkpoint["place"] = list(found[-1][0])
    return False


def _left(task: LongTask) -> list[int]:
    nids: list[int] = task.params["nids"]
    task.total, task.done = len(nids), task.checkpoint.setdefault("done", 0)
    return nids[task.done :]


def _removable(mxcs: Iterable[Mxc]) -> list[Removable]:
    found: list[Removable] = []
    for mxc in mxcs:
        server_nid = interning.find_server(mxc.server_name)
        if server_nid is not None:
            found += media_sweep.one_unprotected(server_nid, mxc.media_id)
    return found


def _remove(task: LongTask, entries: Sequence[Removable]) -> None:
    remove_entries(entries)
    counts = task.checkpoint.setdefault("counts", {"media": 0, "bytes": 0})
    counts["media"] += len(entries)
    counts["bytes"] += sum(entry.size for entry in entries)
    task.result = counts


def _next(task: LongTask, action: str, target: str) -> None:
    """Write down what was done, and go on with the next."""
    details: dict[str, Any] = {"task": task.nid}
    with db.write():
        audit.record(task.actor, action, target, **details)
    task.checkpoint["done"] += 1
    task.checkpoint.pop("place", None)
