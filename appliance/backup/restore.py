"""Putting a backup in the place of a server's data.

What is there is never removed: it is kept beside, or nothing is done. Files of media are added to those that
are there, since a name in the store never stands for two.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from appliance.backup import files, layout, media_pool
from appliance.backup.database_copy import check_space
from appliance.backup.errors import BackupError
from appliance.backup.keys import Keys, keep_keys, own_keys
from appliance.backup.layout import Stored
from appliance.backup.parts import FORGED, OpenBackup, open_backup
from appliance.backup.programs import conninfo
from appliance.backup.verify import part_faults, restore_dump, schema_faults, unpack_sqlite
from appliance.config.addresses import DatabaseAddress, parse_database_url
from appliance.restoring import RETIRED, UNFINISHED
from appliance.telling import Tell
from matrix_app.storage import database_replacement
from matrix_app.storage.clock import now_ms

if TYPE_CHECKING:
    from appliance.config import Config

CONFIGURATION: Final = "restored-configuration"
_RETIRED_TEXT: Final = (
    "On {when} this data was set aside, and the backup {id} was restored in its place.\n"
    "Two servers of one name must never run: start none with this data unless you give up the other.\n"
)
_SUFFIXES: Final = ("", "-wal", "-shm", "-journal")


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

    One that is encrypted is opened with the keys that are given, or those that this machine has.

    The server must not run. What is there then is not to be used before `after_restore` was called: until
    `finish`, no server starts with it.
    """
    target = parse_database_url(config.database.url, config.server.data_dir)
    _check(stored, config, target, tell)
    opened = open_backup(stored, given)
    if opened.is_forged:
        raise BackupError(f"The backup {stored.manifest.id} cannot be restored: {FORGED}")
    own = own_keys()
    data = config.server.data_dir
    data.mkdir(parents=True, exist_ok=True, mode=0o750)
    aside = _set_aside(stored, config, target, replace=replace)
    keep_keys(own)
    layout.write_whole(data / UNFINISHED, stored.manifest.id.encode())
    tell("database", 0, None)
    if target.engine == "sqlite":
        _restore_sqlite(opened, Path(target.name), lambda: tell("database", 0, None))
    else:
        restore_dump(opened, target, lambda: tell("database", 0, None))
    _restore_files(opened, config)
    lost = _restore_media(opened, tell)
    return Restored(aside, data / CONFIGURATION, lost, opened.is_sealed and not opened.is_proven)


def finish(config: Config) -> None:
    """Let servers start with what was restored."""
    (config.server.data_dir / UNFINISHED).unlink(missing_ok=True)


def _check(stored: Stored, config: Config, target: DatabaseAddress, tell: Tell) -> None:
    manifest = stored.manifest
    if manifest.server_name != config.server.name:
        raise BackupError(
            f"This is a backup of {manifest.server_name}, and the configuration says {config.server.name}: "
            f'set server.name = "{manifest.server_name}", or choose another backup'
        )
    if manifest.engine != target.engine:
        raise BackupError(
            f"This is a backup of {manifest.engine}, and database.url leads to {target.engine}: restore it "
            f"with a database of {manifest.engine}, and move it with hearth move-database afterwards"
        )
    for fault in [*schema_faults(manifest), *part_faults(stored, tell)]:
        raise BackupError(f"The backup {manifest.id} cannot be restored: {fault}")


def _set_aside(stored: Stored, config: Config, target: DatabaseAddress, *, replace: bool) -> str:
    """Keep what is there under another name; where."""
    name = f"before-restore-{layout.new_id(now_ms())}"
    unfinished = (config.server.data_dir / UNFINISHED).exists()
    old = [path for path in _old_files(config, target) if path.exists()]
    if not (replace or unfinished) and _is_in_use(target):
        raise BackupError(
            f"There is a server with accounts already ({target.name}): with --replace its data is kept "
            "beside, and the backup takes its place"
        )
    kept = _set_aside_tables(target, name) if target.engine == "postgresql" else ""
    if old:
        folder = config.server.data_dir / name
        folder.mkdir(mode=0o700)
        for path in old:
            path.rename(folder / path.name)
        text = _RETIRED_TEXT.format(when=name.removeprefix("before-restore-"), id=stored.manifest.id)
        layout.write_whole(folder / RETIRED, text.encode())
        kept = f"{folder}{f' and {kept}' if kept else ''}"
    return kept


def _is_in_use(target: DatabaseAddress) -> bool:
    """Whether the data is a server's that somebody uses, not that of one which was just installed."""
    if target.engine == "postgresql":
        return bool(_on_database(target, database_replacement.has_accounts))
    if not Path(target.name).exists():
        return False
    try:
        with closing(sqlite3.connect(target.name)) as connection:
            return database_replacement.file_has_accounts(connection)
    except sqlite3.Error:
        return True  # damaged: nobody knows what it was


def _old_files(config: Config, target: DatabaseAddress) -> list[Path]:
    found = [config.server.secrets_dir]
    if target.engine == "sqlite":
        found += [Path(f"{target.name}{suffix}") for suffix in _SUFFIXES]
    return found


def _on_database(target: DatabaseAddress, work: Callable[..., object]) -> object:
    import psycopg

    try:
        with psycopg.connect(conninfo(target), password=target.password or None) as connection:
            return work(connection)
    except psycopg.errors.InsufficientPrivilege as fault:
        raise BackupError(
            f"{target.user or 'The role'} may not set the old tables aside: make an empty database, and "
            "name it in database.url"
        ) from fault
    except psycopg.OperationalError as fault:
        raise BackupError(f"The database cannot be used: {fault}") from fault


def _has_tables(target: DatabaseAddress) -> bool:
    return bool(_on_database(target, database_replacement.has_tables))


def _set_aside_tables(target: DatabaseAddress, name: str) -> str:
    if _on_database(target, database_replacement.others_connected):
        raise BackupError("Somebody is connected to the database: stop every process of the server first")
    if not _has_tables(target):
        return ""
    schema = name.replace("-", "_").lower()
    _on_database(target, lambda connection: database_replacement.set_aside(connection, schema))
    return f"the schema {schema} of the database"


def _restore_sqlite(opened: OpenBackup, target: Path, tick: Callable[[], None]) -> None:
    """Unpack beside, and rename: the database is there in full or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    check_space(target.parent, sum(part.size for part in opened.manifest.parts.values()))
    draft = target.with_name(f".{target.name}.restoring")
    unpack_sqlite(opened, draft, tick)
    draft.chmod(0o640)
    draft.rename(target)
    layout.sync_folder(target.parent)


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
