"""The support bundle that is made for a page: kept for a day, for administrators to fetch."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import IO, Final, NamedTuple

from appliance.config import get_config
from appliance.support import bundle
from appliance.support.checks import found_last
from matrix_app.protocol.errors import NotFound
from matrix_app.protocol.said import said
from matrix_app.services import audit, long_tasks
from matrix_app.services.audit import Actor
from matrix_app.services.long_tasks import LongTask, long_task
from matrix_app.storage import db
from matrix_app.storage import long_tasks as stored_tasks

KIND: Final = "support.bundle"
KEPT_SECONDS: Final = 24 * 3600
_NAME: Final = re.compile(r"hearth-support-\d{8}T\d{6}Z\.tar\.gz")


class Kept(NamedTuple):
    """A bundle that can be fetched."""

    name: str
    bytes: int
    made_ts: int


def start(actor: Actor, *, names: bool) -> int:
    """Have a bundle made; the nid of the task, or of the one that makes one already."""
    running = stored_tasks.unfinished(KIND, 1)
    if running:
        return running[0].nid
    with db.write():
        audit.record(actor, "support.bundle", names=names)
        return long_tasks.start(KIND, said("Support bundle"), {"names": names}, actor)


@long_task(KIND)
def make_piece(task: LongTask) -> bool:
    """Make the bundle, which is one piece of a few seconds; True, since nothing is left."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    name = bundle.file_name()
    draft = folder / f".{name}"
    draft.unlink(missing_ok=True)

    def tell(step: str, done: int, total: int | None) -> None:
        task.step, task.done, task.total = step, done, total
        task.note()

    with bundle.create(draft) as stream:
        bundle.write(stream, lambda _masker: found_last(), names=bool(task.params["names"]), tell=tell)
    for other in kept():
        (folder / other.name).unlink(missing_ok=True)
    draft.replace(folder / name)
    task.result = {"file": name}
    return True


def kept() -> list[Kept]:
    """The bundles there are, the newest first."""
    folder = _folder()
    files = [file for file in folder.iterdir() if _NAME.fullmatch(file.name)] if folder.is_dir() else []
    found = [
        Kept(file.name, status.st_size, int(status.st_mtime * 1000))
        for file in files
        if (status := file.stat())
    ]
    return sorted(found, key=lambda one: one.made_ts, reverse=True)


def fetch(actor: Actor, name: str) -> IO[bytes]:
    """A bundle, which its reader closes; raises `NotFound`. It is noted in the audit log."""
    file = _folder() / name
    if not _NAME.fullmatch(name) or not file.is_file():
        raise NotFound("There is no such support bundle")
    audit.record(actor, "support.fetch", name)
    return file.open("rb")


def forget_old() -> int:
    """Remove bundles that nobody needs any more, also in part; how many."""
    folder, count = _folder(), 0
    for file in folder.iterdir() if folder.is_dir() else []:
        if time.time() - file.stat().st_mtime > KEPT_SECONDS:
            file.unlink(missing_ok=True)
            count += 1
    return count


def _folder() -> Path:
    return get_config().server.data_dir / "support"
