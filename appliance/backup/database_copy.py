"""Copying a database while others write to it, as it stood at one moment."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from appliance.backup.errors import BackupError
from appliance.backup.parts import write_part
from appliance.backup.programs import conninfo, output_of
from appliance.backup.streams import Gzipped
from appliance.config import get_config
from appliance.config.addresses import DatabaseAddress, parse_database_url
from matrix_app.protocol.said import said
from matrix_app.storage import snapshot_facts
from matrix_app.storage.snapshot_facts import Facts, MediaWanted

if TYPE_CHECKING:
    from appliance.backup.keys import Seal

# Called with how much is done and how much there is, if that is known; raises to end the work.
Progress = Callable[[int, int | None], None]
PAGES: Final = 2_000
NAMES: Final = {"sqlite": "database.sqlite3.gz", "postgresql": "database.pgdump"}


def present_database() -> DatabaseAddress:
    """The database that this process uses."""
    from django.db import connection

    settings = connection.settings_dict
    name = str(settings["NAME"])
    if connection.vendor == "sqlite":
        return DatabaseAddress("sqlite", name)
    user, password, host, port = (str(settings[key] or "") for key in ("USER", "PASSWORD", "HOST", "PORT"))
    config = get_config()
    options = parse_database_url(config.database.url, config.server.data_dir).options
    return DatabaseAddress("postgresql", name, user, password, host, port, options)


class Copied(NamedTuple):
    """What is in a copy, and the files of media that it names, if that was asked for."""

    facts: Facts
    wanted: list[MediaWanted]


class Place(NamedTuple):
    """Where a copy goes, encrypted where there is a seal, and a folder for plain data meanwhile."""

    folder: Path
    scratch: Path
    seal: Seal | None


def copy_database(source: DatabaseAddress, place: Place, progress: Progress, *, media: bool) -> Copied:
    """Copy a database into a file of a folder."""
    copy = _copy_sqlite if source.engine == "sqlite" else _dump_postgresql
    return copy(source, place, progress, media)


def _copy_sqlite(source: DatabaseAddress, place: Place, progress: Progress, media: bool) -> Copied:
    plain = place.scratch / "database.sqlite3"
    plain.unlink(missing_ok=True)
    size = Path(source.name).stat().st_size
    check_space(place.folder, size * 3 // 2 if place.folder == place.scratch else size // 2)
    check_space(place.scratch, size)
    try:
        _copy_pages(Path(source.name), plain, progress)
        with closing(sqlite3.connect(plain)) as copy:
            found = _look_at(copy, is_sqlite=True, media=media)
        total = plain.stat().st_size
        with plain.open("rb") as file:
            packed = Gzipped(file, lambda done: progress(done, total))
            write_part(place.folder, NAMES["sqlite"], packed, place.seal)
    except sqlite3.Error as fault:
        raise BackupError(said("The database cannot be copied: {fault}", fault=fault)) from fault
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{plain}{suffix}").unlink(missing_ok=True)
    return found


def _copy_pages(source: Path, target: Path, progress: Progress) -> None:
    """Copy page by page from one snapshot: writers go on meanwhile, and nothing has to be begun anew."""
    with closing(sqlite3.connect(f"{source.as_uri()}?mode=ro", uri=True)) as old:
        old.isolation_level = None
        old.execute("BEGIN")
        old.execute("SELECT count(*) FROM sqlite_master").fetchall()
        page_bytes = int(old.execute("PRAGMA page_size").fetchone()[0])

        def told(_status: int, remaining: int, total: int) -> None:
            progress((total - remaining) * page_bytes, total * page_bytes)

        with closing(sqlite3.connect(target)) as new:
            old.backup(new, pages=PAGES, progress=told)
            # A file of its own, without a log beside it.
            new.execute("PRAGMA journal_mode = DELETE")


def _look_at(connection: Any, *, is_sqlite: bool, media: bool) -> Copied:
    def query(sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
        return found

    tables = snapshot_facts.counted_tables(query, is_sqlite=is_sqlite)
    facts = snapshot_facts.read(query, is_sqlite=is_sqlite, tables=tables)
    return Copied(facts, list(snapshot_facts.media_wanted(query)) if media else [])


def check_space(folder: Path, needed: int) -> None:
    """Raise `BackupError` when a disk has less room than that."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BackupError(
            said(
                "A backup needs about {needed} MiB, and there are {free} MiB free in {folder}",
                needed=needed >> 20,
                free=free >> 20,
                folder=folder,
            )
        )


def _dump_postgresql(source: DatabaseAddress, place: Place, progress: Progress, media: bool) -> Copied:
    import psycopg

    with psycopg.connect(conninfo(source), password=source.password or None) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET idle_in_transaction_session_timeout = 0")
        snapshot = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert snapshot is not None
        found = _look_at(connection, is_sqlite=False, media=media)
        command = ["pg_dump", "-Fc", "--no-owner", "--no-privileges", f"--snapshot={snapshot[0]}"]
        command += ["--exclude-schema=before_restore_*", "-d", conninfo(source)]
        with output_of(command, source, lambda: progress(dump.size, None)) as dump:
            write_part(place.folder, NAMES["postgresql"], dump, place.seal)
    return found


def told_seldom(tell: Callable[[int, int | None], None], seconds: float = 1.0) -> Progress:
    """A progress that is told at most every so many seconds."""
    last = 0.0

    def progress(done: int, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            tell(done, total)

    return progress
