"""Putting a backup in the place of a server's data.

What is there is never removed: it is kept beside, or nothing is done. Files of media are added to those that
are there, since a name in the store never stands for two.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from appliance.backup import aside, files, layout, media_pool
from appliance.backup.aside import CONFIGURATION, finish
from appliance.backup.database_copy import check_space, told_seldom
from appliance.backup.errors import BackupError
from appliance.backup.keys import Keys, keep_keys, own_keys
from appliance.backup.layout import Stored
from appliance.backup.parts import FORGED, OpenBackup, open_backup
from appliance.backup.verify import part_faults, restore_dump, schema_faults, unpack_sqlite
from appliance.config.addresses import DatabaseAddress, parse_database_url
from appliance.telling import Tell
from matrix_app.protocol.said import said

if TYPE_CHECKING:
    from appliance.config import Config

__all__ = ["Restored", "finish", "put_in_place"]


class Restored(NamedTuple):
    """Where the old data is, if any, and the old configuration; how many files of media are lost.

    `is_unproven`: it is encrypted, and nothing shows that it was this server that made it.
    """

    aside: str
    configuration: Path
    lost_media: int
    is_unproven: bool


def put_in_place(
    stored: Stored, config: Config, *, replace: bool, tell: Tell, given: Keys | None = None
) -> Restored:
    """Check a backup, set aside what is there, and put the backup in its place.

    One that is encrypted is opened with the keys that are given, or those that this machine has. A restore
    that was broken off is undone before, and needs no `replace`, which it had.

    The server must not run. What is there then is not to be used before `after_restore` was called: until
    `finish`, no server starts with it.
    """
    target = parse_database_url(config.database.url, config.server.data_dir)
    _check(stored, config, target, tell)
    aside.require_alone(config)
    was_unfinished = aside.is_unfinished(config)
    aside.put_back(config)
    opened = open_backup(stored, given)
    if opened.is_forged:
        raise BackupError(
            said("The backup {id} cannot be restored: {why}", id=stored.manifest.id, why=FORGED)
        )
    if not (replace or was_unfinished) and aside.has_accounts(config):
        raise BackupError(
            said(
                "There is a server with accounts already ({name}): with --replace its data is kept beside,"
                " and the backup takes its place",
                name=target.name,
            )
        )
    return _put(opened, config, target, tell)


def _put(opened: OpenBackup, config: Config, target: DatabaseAddress, tell: Tell) -> Restored:
    own, data = own_keys(), config.server.data_dir
    data.mkdir(parents=True, exist_ok=True, mode=0o750)
    kept = aside.set_aside(opened.manifest.id, config)
    keep_keys(own)
    tell("database", 0, None)
    if target.engine == "sqlite":
        _restore_sqlite(opened, Path(target.name), tell)
    else:
        restore_dump(opened, target, lambda: tell("database", 0, None))
    tell("files", 0, None)
    _restore_files(opened, config)
    lost = _restore_media(opened, tell)
    return Restored(kept, data / CONFIGURATION, lost, opened.is_sealed and not opened.is_proven)


def _check(stored: Stored, config: Config, target: DatabaseAddress, tell: Tell) -> None:
    manifest = stored.manifest
    if manifest.server_name != config.server.name:
        raise BackupError(
            said(
                "This is a backup of {server_name}, and the configuration says {name}:"
                ' set server.name = "{server_name}", or choose another backup',
                server_name=manifest.server_name,
                name=config.server.name,
            )
        )
    if manifest.engine != target.engine:
        raise BackupError(
            said(
                "This is a backup of {engine}, and database.url leads to {other}: restore it with a database"
                " of {engine}, and move it with hearth move-database afterwards",
                engine=manifest.engine,
                other=target.engine,
            )
        )
    for fault in [*schema_faults(manifest), *part_faults(stored, tell)]:
        raise BackupError(said("The backup {id} cannot be restored: {fault}", id=manifest.id, fault=fault))


def _restore_sqlite(opened: OpenBackup, target: Path, tell: Tell) -> None:
    """Unpack beside, and rename: the database is there in full or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    check_space(target.parent, sum(part.size for part in opened.manifest.parts.values()))
    draft = target.with_name(f".{target.name}.restoring")
    unpack_sqlite(opened, draft, _growth(draft, partial(tell, "database")))
    draft.chmod(0o640)
    draft.rename(target)
    layout.sync_folder(target.parent)


def _growth(file: Path, tell: Callable[[int, int | None], None]) -> Callable[[], None]:
    """Tells about every second how much of a file has been written."""
    told = told_seldom(tell)
    return lambda: told(file.stat().st_size, None)


def _restore_files(opened: OpenBackup, config: Config) -> None:
    with tempfile.TemporaryFile(dir=config.server.data_dir) as archive:
        opened.pour(layout.FILES, archive)
        archive.seek(0)
        files.unpack(archive, config, config.server.data_dir / CONFIGURATION)


def _restore_media(opened: OpenBackup, tell: Tell) -> int:
    state: dict[str, Any] = {}
    while not media_pool.put_back_some(opened, state, tell):
        continue
    return int(state["lost"])
