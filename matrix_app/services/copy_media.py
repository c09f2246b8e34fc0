"""Copying all media from one store to the other, as when a server moves from its disk to an object store."""

from __future__ import annotations

from typing import Final, NamedTuple

from matrix_app.media.store import MediaStore, store_named
from matrix_app.protocol.said import said
from matrix_app.services import long_tasks
from matrix_app.services.audit import Actor
from matrix_app.services.long_tasks import LongTask, long_task
from matrix_app.storage import media_files

KIND: Final = "media.copy"
PIECE: Final = 20


class Copied(NamedTuple):
    """How far a copy is: `after` is the last name; the other two count files."""

    after: str
    copied: int
    lost: int


def start_copy(actor: Actor, source: str, target: str) -> int:
    """Copy in the worker from one of the stores `folder` and `s3` to the other; the nid of the task."""
    title = said("Copy media from {source} to {target}", source=source, target=target)
    return long_tasks.start(KIND, title, {"from": source, "to": target}, actor)


@long_task(KIND)
def copy_piece(task: LongTask) -> bool:
    """Copy some files, in the order of their names; True when there are no more."""
    if not task.total:
        task.total = media_files.how_many_located()
    state = Copied(
        task.checkpoint.get("after", ""), task.checkpoint.get("copied", 0), task.checkpoint.get("lost", 0)
    )
    found = copy_some(store_named(task.params["from"]), store_named(task.params["to"]), state)
    if found is None:
        task.result = {"copied": state.copied, "lost": state.lost}
        return True
    task.checkpoint.update(found._asdict())
    task.done = min(task.total, task.done + PIECE)
    return False


def copy_some(source: MediaStore, target: MediaStore, state: Copied) -> Copied | None:
    """Copy the files that follow in the order of their names; None when there are none.

    What is there already is left. Files that come meanwhile get names anywhere in that order: copy once
    more after the other store is in use, which takes little time.
    """
    files = media_files.located(state.after, PIECE)
    if not files:
        return None
    for file in files:
        copied = lost = 0
        if target.size(file.location) != file.size:
            copied, lost = (1, 0) if _copy(source, target, file.location) else (0, 1)
        state = Copied(file.location, state.copied + copied, state.lost + lost)
    return state


def _copy(source: MediaStore, target: MediaStore, location: str) -> bool:
    try:
        with source.local(location) as file:
            staged = target.stage(file, location)
    except FileNotFoundError:
        return False
    staged.keep()
    return True
