"""What administrators do with the backups there are: look at them, fetch parts of them, remove them."""

from __future__ import annotations

from typing import IO

from appliance.backup import layout, media_pool
from appliance.backup.layout import Stored
from appliance.backup.manifest import FILE
from appliance.backup.single_file import SingleFile
from appliance.config import get_config
from matrix_app.protocol.errors import NotFound
from matrix_app.services import audit
from matrix_app.services.audit import Actor


def find(name: str) -> Stored:
    """A backup of the folder by its name; raises `NotFound`."""
    root = get_config().backup.dir
    if not layout.ID.fullmatch(name) or not (root / name / FILE).is_file():
        raise NotFound("There is no such backup")
    return layout.find_backup(root, name)


def open_part(actor: Actor, name: str, part: str) -> IO[bytes]:
    """A file of a backup, which its reader closes; raises `NotFound`. It is noted in the audit log."""
    stored = find(name)
    file = stored.folder / part
    if part != FILE and (part not in stored.manifest.parts or not file.is_file()):
        raise NotFound("There is no such part of the backup")
    audit.record(actor, "backup.fetch", name, part=part)
    return file.open("rb")


def open_whole(actor: Actor, name: str) -> SingleFile:
    """A backup as one file, which its reader closes; raises `NotFound`. It is noted in the audit log."""
    stored = find(name)
    audit.record(actor, "backup.fetch", name)
    return SingleFile(stored)


def remove(actor: Actor, name: str) -> None:
    """Remove a backup, with the files of media that only it had."""
    stored = find(name)
    root = get_config().backup.dir
    with layout.locked(root):
        audit.record(actor, "backup.remove", name)
        layout.remove_folder(stored.folder)
        media_pool.prune(root)
