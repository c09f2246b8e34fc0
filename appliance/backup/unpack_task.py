"""Taking a backup that is one file apart as a long task: one that was received, or lies in the folder."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from appliance.backup import receiving
from appliance.backup.errors import BackupCancelled, BackupError
from appliance.backup.task_progress import Seldom
from appliance.backup.unpack import draft_of, new_unpacking, unpack_step
from appliance.config import get_config
from matrix_app.protocol.errors import NotFound
from matrix_app.protocol.said import said
from matrix_app.services import long_tasks
from matrix_app.services.audit import Actor
from matrix_app.services.long_tasks import LongTask, long_task
from matrix_app.storage import long_tasks as stored_tasks

UNPACK: Final = "backup.unpack"
_SUFFIX: Final = ".tar"


def single_files() -> list[Path]:
    """The backups in the folder that are one file each, the newest first."""
    root = get_config().backup.dir
    found = [path for path in root.glob(f"*{_SUFFIX}") if path.is_file() and not path.name.startswith(".")]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)


def start_unpacking(actor: Actor, name: str) -> int:
    """Have a file of the folder taken apart; the nid of the task. Raises `NotFound`."""
    file = next((path for path in single_files() if path.name == name), None)
    if file is None:
        raise NotFound("There is no such file in the folder of backups")
    return _started(actor, file, received=False)


def start_unpacking_received(actor: Actor) -> int:
    """Have the file that was received taken apart; it is removed then."""
    found = receiving.present()
    if found is None or not found.is_whole:
        raise BackupError("The file has not been received in full")
    return _started(actor, found.file, received=True)


def _started(actor: Actor, file: Path, *, received: bool) -> int:
    if running := stored_tasks.unfinished(UNPACK, 1):
        return running[0].nid
    params = {"file": str(file), "received": received}
    return long_tasks.start(UNPACK, said("Take a backup apart"), params, actor)


@long_task(UNPACK)
def unpack_piece(task: LongTask) -> bool:
    """Take apart for some seconds; True when the backup is in the folder."""
    if not task.checkpoint:
        task.checkpoint.update(new_unpacking(Path(task.params["file"])))
    try:
        if not unpack_step(task.checkpoint, Seldom(task)):
            return False
    except BackupCancelled:
        _remove_draft(task)
        return False
    except BackupError:
        _remove_draft(task)
        _remove_received(task)
        raise
    _remove_received(task)
    task.result = {"backup": task.checkpoint["backup"]}
    return True


def _remove_draft(task: LongTask) -> None:
    if task.checkpoint.get("backup"):
        shutil.rmtree(draft_of(get_config().backup.dir, task.checkpoint), ignore_errors=True)


def _remove_received(task: LongTask) -> None:
    if task.params["received"]:
        receiving.remove()
