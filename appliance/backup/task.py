"""Backups as long tasks: started by a page or by the schedule, done in the worker."""

from __future__ import annotations

from typing import Final

from appliance.backup import layout
from appliance.backup.errors import BackupCancelled
from appliance.backup.make import give_up, new_state, step
from appliance.backup.manifest import sentences_of
from appliance.backup.remote.store import is_configured
from appliance.backup.remote_task import start_upload
from appliance.backup.task_progress import Seldom, tell
from appliance.backup.verify import new_verification, verify_step
from appliance.config import get_config
from matrix_app.protocol.said import said
from matrix_app.services import long_tasks
from matrix_app.services.audit import HEARTH, Actor
from matrix_app.services.long_tasks import LongTask, long_task
from matrix_app.storage import accounts
from matrix_app.storage import long_tasks as stored_tasks
from matrix_app.storage.clock import now_ms

MAKE: Final = "backup.make"
VERIFY: Final = "backup.verify"
HOUR_MS: Final = 3_600_000
# The newest backup is verified by itself when none has been for so long.
VERIFY_MS: Final = 7 * 24 * HOUR_MS


def start_backup(actor: Actor, reason: str = "page") -> int:
    """Have a backup made; the nid of the task, or of the one that makes one already."""
    running = stored_tasks.unfinished(MAKE, 1)
    return running[0].nid if running else long_tasks.start(MAKE, said("Backup"), {"reason": reason}, actor)


def start_verification(actor: Actor, name: str) -> int:
    """Have a backup verified; raises `BackupError` when there is none of that name."""
    layout.find_backup(get_config().backup.dir, name)
    return long_tasks.start(VERIFY, said("Verify backup {id}", id=name), {"backup": name}, actor)


def start_if_due() -> int | None:
    """Have a backup made if the last one is older than the configuration wants; the nid of the task.

    A new server's first one waits as long as that. One without accounts has nothing to lose, and may have
    the backups of another in its folder, which it is going to be restored from.
    """
    hours, oldest = get_config().backup.every_hours, accounts.oldest_created_ts()
    if not hours or oldest is None:
        return None
    made = [one for one in layout.stored_backups(get_config().backup.dir) if one.manifest.reason != "upgrade"]
    last = made[0].manifest.created_ts if made else oldest
    if now_ms() - last < hours * HOUR_MS:
        return None
    return start_backup(HEARTH, "schedule")


def verify_if_due() -> int | None:
    """Have the newest backup verified if none has been for a week; the nid of the task."""
    made = layout.stored_backups(get_config().backup.dir)
    if not made or not get_config().backup.every_hours or stored_tasks.unfinished(VERIFY, 1):
        return None
    last = max((one.verdict.ts for one in made if one.verdict is not None), default=0)
    if now_ms() - last < VERIFY_MS:
        return None
    return start_verification(HEARTH, made[0].manifest.id)


@long_task(MAKE)
def make_piece(task: LongTask) -> bool:
    """Do a piece of a backup; True when it is whole."""
    if not task.checkpoint:
        task.checkpoint.update(new_state(task.params["reason"]))
    try:
        whole = step(task.checkpoint, lambda *told: tell(task, *told))
    except BackupCancelled:
        give_up(task.checkpoint)
        return False
    if whole:
        task.result = {"backup": task.checkpoint["id"]}
        if is_configured():
            start_upload(task.actor, task.checkpoint["id"])
    return whole


@long_task(VERIFY)
def verify_piece(task: LongTask) -> bool:
    """Do a piece of a verification; True when there is a verdict."""
    stored = layout.find_backup(get_config().backup.dir, task.params["backup"])
    if not task.checkpoint:
        task.checkpoint.update(new_verification())
    try:
        if not verify_step(stored, task.checkpoint, Seldom(task)):
            return False
    except BackupCancelled:
        return False
    faults = sentences_of(task.checkpoint["faults"])
    for fault in faults:
        task.warn(fault)
    task.result = {"backup": stored.manifest.id, "faults": faults}
    return True
