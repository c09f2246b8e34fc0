"""What a restore sets aside, written down first, so that it can be put back whatever ends the restore.

The journal is in the mark that keeps servers from starting (`restoring.UNFINISHED`). Putting back is done in
steps each of which may be done again, so it may itself be broken off at any point.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from appliance.backup import files, layout
from appliance.backup.errors import BackupError, DatabaseGone
from appliance.backup.programs import conninfo
from appliance.config.addresses import DatabaseAddress, parse_database_url
from appliance.restoring import RETIRED, UNFINISHED
from matrix_app.protocol.said import said
from matrix_app.storage import database_replacement
from matrix_app.storage.clock import now_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from appliance.config import Config

CONFIGURATION: Final = "restored-configuration"
_RETIRED_TEXT: Final = (
    "On {when} this data was set aside, and the backup {id} was restored in its place.\n"
    "Two servers of one name must never run: start none with this data unless you give up the other.\n"
)
_SUFFIXES: Final = ("", "-wal", "-shm", "-journal")
_PREFIX: Final = "before-restore-"
_KEYS: Final = "keys-outside"


class Journal(msgspec.Struct, frozen=True):
    """Paths that were there and are moved, or of keys elsewhere copied; paths that were not there.

    `schema` is where tables of PostgreSQL are kept; it is empty where there were none (`was_empty`).
    """

    backup: str
    name: str
    moved: list[str]
    copied: dict[str, str]
    absent: list[str]
    schema: str = ""
    was_empty: bool = False


def set_aside(backup: str, config: Config) -> str:
    """Keep what is there under another name; where, or nothing where there is nothing."""
    journal = _planned(backup, config)
    layout.write_whole(_mark(config), msgspec.json.encode(journal))
    folder = config.server.data_dir / journal.name
    target = _target(config)
    if journal.schema:
        _on_database(target, lambda one: database_replacement.set_aside(one, journal.schema))
    kept = f"the schema {journal.schema} of the database" if journal.schema else ""
    if not (journal.moved or journal.copied):
        return kept
    _move(journal, folder)
    return f"{folder}{f' and {kept}' if kept else ''}"


def put_back(config: Config) -> bool:
    """Undo a restore that was broken off: what was set aside is in its place again. Whether there was one.

    A mark without a journal, of an earlier version, tells nothing and stays.
    """
    journal = _read(config)
    if journal is None:
        return False
    if journal.schema or journal.was_empty:
        _on_database(_target(config), lambda one: database_replacement.put_back(one, journal.schema))
    folder = config.server.data_dir / journal.name
    for path in map(Path, journal.absent):
        _remove(path)
    for path in map(Path, journal.moved):
        if (folder / path.name).exists():
            _remove(path)
            (folder / path.name).rename(path)
            layout.sync_folder(path.parent)
    for name, outside in journal.copied.items():
        if (kept := folder / _KEYS / name).exists():
            Path(outside).write_bytes(kept.read_bytes())
    shutil.rmtree(folder, ignore_errors=True)
    finish(config)
    return True


def finish(config: Config) -> None:
    """Let servers start with what is there."""
    _mark(config).unlink(missing_ok=True)
    layout.sync_folder(config.server.data_dir)


def is_unfinished(config: Config) -> bool:
    """Whether a restore was begun and neither finished nor undone."""
    return _mark(config).exists()


def require_alone(config: Config) -> None:
    """Raise `BackupError` when others are connected to the database of PostgreSQL."""
    target = _target(config)
    if target.engine == "postgresql" and _on_database(target, database_replacement.others_connected):
        raise BackupError("Somebody is connected to the database: stop every process of the server first")


def has_accounts(config: Config) -> bool:
    """Whether somebody has an account in the database, or it is damaged, so that nobody knows."""
    target = _target(config)
    if target.engine == "postgresql":
        return bool(_on_database(target, database_replacement.has_accounts))
    return database_replacement.path_has_accounts(Path(target.name))


def _mark(config: Config) -> Path:
    return config.server.data_dir / UNFINISHED


def _target(config: Config) -> DatabaseAddress:
    return parse_database_url(config.database.url, config.server.data_dir)


def _read(config: Config) -> Journal | None:
    try:
        return msgspec.json.decode(_mark(config).read_bytes(), type=Journal)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def _planned(backup: str, config: Config) -> Journal:
    name = f"{_PREFIX}{layout.new_id(now_ms())}"
    places, outside = _places(config), files.outside_keys(config)
    has_tables = False
    if _target(config).engine == "postgresql":
        has_tables = bool(_on_database(_target(config), database_replacement.has_tables))
    return Journal(
        backup,
        name,
        moved=[str(path) for path in places if path.exists()],
        copied={key: str(path) for key, path in outside.items() if path.is_file()},
        absent=[str(path) for path in (*places, *outside.values()) if not path.exists()],
        schema=name.replace("-", "_").lower() if has_tables else "",
        was_empty=_target(config).engine == "postgresql" and not has_tables,
    )


def _places(config: Config) -> list[Path]:
    """What a restore writes anew, and moves away where it is there."""
    found = [config.server.secrets_dir, config.server.data_dir / CONFIGURATION]
    if (target := _target(config)).engine == "sqlite":
        found += [Path(f"{target.name}{suffix}") for suffix in _SUFFIXES]
    return found


def _move(journal: Journal, folder: Path) -> None:
    (folder / _KEYS).mkdir(mode=0o700, parents=True)
    folder.chmod(0o700)
    for name, outside in journal.copied.items():
        layout.write_whole(folder / _KEYS / name, Path(outside).read_bytes())
    for place in map(Path, journal.moved):
        place.rename(folder / place.name)
        layout.sync_folder(place.parent)
    if not journal.copied:
        (folder / _KEYS).rmdir()
    text = _RETIRED_TEXT.format(when=journal.name.removeprefix(_PREFIX), id=journal.backup)
    layout.write_whole(folder / RETIRED, text.encode())
    layout.sync_folder(folder)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _on_database(target: DatabaseAddress, work: Callable[..., object]) -> object:
    import psycopg

    try:
        with psycopg.connect(conninfo(target), password=target.password or None) as connection:
            return work(connection)
    except psycopg.errors.InsufficientPrivilege as fault:
        raise BackupError(
            said(
                "{user} may not set the old tables aside:"
                " make an empty database, and name it in database.url",
                user=target.user or said("The role"),
            )
        ) from fault
    except psycopg.OperationalError as fault:
        raise DatabaseGone(said("The database cannot be used: {fault}", fault=fault)) from fault
