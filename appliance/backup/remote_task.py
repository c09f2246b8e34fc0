"""Moving backups elsewhere and back as long tasks: started by a page, by the schedule, or after a backup."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Final

from appliance.backup import layout
from appliance.backup.errors import BackupCancelled, BackupError
from appliance.backup.manifest import sentences_of
from appliance.backup.remote.fetch import draft_of, fetch_step, new_fetch
from appliance.backup.remote.state import read_state
from appliance.backup.remote.store import is_configured, remote_title
from appliance.backup.remote.upload import new_upload, upload_step
from appliance.backup.remote.verify import check_step, give_up_check, new_check
from appliance.backup.remote.work import State, Tell
from appliance.backup.task_progress import Seldom
from appliance.config import get_config
from matrix_app.protocol.said import said
from matrix_app.services import long_tasks
from matrix_app.services.audit import HEARTH, Actor
from matrix_app.services.long_tasks import LongTask, long_task
from matrix_app.storage import long_tasks as stored_tasks
from matrix_app.storage.clock import now_ms

UPLOAD: Final = "backup.upload"
FETCH: Final = "backup.fetch"
CHECK: Final = "backup.verify_remote"
# After a failure the next attempt waits so long.
RETRY_MS: Final = 3_600_000


def start_upload(actor: Actor, id: str) -> int:
    """Have a backup copied elsewhere; the nid of the task, or of the one that copies one already."""
    layout.find_backup(get_config().backup.dir, id)
    return _started(UPLOAD, said("Copy backup {id} to {place}", id=id, place=remote_title()), id, actor)


def start_fetch(actor: Actor, id: str, server: str = "") -> int:
    """Have a backup fetched from elsewhere; of this server, or of one by its folder there."""
    return _started(
        FETCH, said("Fetch backup {id} from {place}", id=id, place=remote_title()), id, actor, server=server
    )


def start_check(actor: Actor, id: str) -> int:
    """Have a backup verified where it lies elsewhere."""
    return _started(CHECK, said("Verify backup {id} at {place}", id=id, place=remote_title()), id, actor)


def _started(kind: str, title: str, id: str, actor: Actor, **more: str) -> int:
    if not is_configured():
        raise BackupError("No place elsewhere is configured: set backup.remote")
    running = stored_tasks.unfinished(kind, 1)
    return running[0].nid if running else long_tasks.start(kind, title, {"backup": id, **more}, actor)


def upload_if_due() -> int | None:
    """Have the newest backup copied elsewhere when it is not there; the nid of the task."""
    if not is_configured() or stored_tasks.unfinished(UPLOAD, 1):
        return None
    made = [one for one in layout.stored_backups(get_config().backup.dir) if one.manifest.reason != "upgrade"]
    state = read_state(remote_title())
    if not made or state.has(made[0].manifest.id) or now_ms() - state.fault_ts < RETRY_MS:
        return None
    return start_upload(HEARTH, made[0].manifest.id)


@long_task(UPLOAD)
def upload_piece(task: LongTask) -> bool:
    """Copy for some seconds; True when all of it is there."""
    return _piece(task, lambda: new_upload(task.params["backup"]), upload_step, lambda _state: None)


@long_task(FETCH)
def fetch_piece(task: LongTask) -> bool:
    """Fetch for some seconds; True when all of it is here."""
    begin = lambda: new_fetch(task.params["backup"], task.params.get("server", ""))  # noqa: E731
    return _piece(task, begin, fetch_step, _give_up_fetch)


@long_task(CHECK)
def check_piece(task: LongTask) -> bool:
    """Read for some seconds; True when there is a verdict."""
    return _piece(task, lambda: new_check(task.params["backup"]), check_step, give_up_check)


def _piece(
    task: LongTask,
    begin: Callable[[], State],
    step: Callable[[State, Tell], bool],
    give_up: Callable[[State], None],
) -> bool:
    if not task.checkpoint:
        task.checkpoint.update(begin())
    try:
        done = step(task.checkpoint, Seldom(task))
    except BackupCancelled:
        give_up(task.checkpoint)
        return False
    if done:
        faults = sentences_of(task.checkpoint.get("faults", ()))
        found = {**task.checkpoint, "faults": faults} if "faults" in task.checkpoint else task.checkpoint
        task.result = {key: found[key] for key in ("backup", "faults", "lost") if key in found}
    return done


def _give_up_fetch(state: State) -> None:
    shutil.rmtree(draft_of(get_config().backup.dir, state), ignore_errors=True)
