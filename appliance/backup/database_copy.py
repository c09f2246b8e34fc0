"""Copying a database while others write to it, as it stood at one moment."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple

from appliance.backup.errors import BackupError
from appliance.backup.manifest import CHUNK
from appliance.config import get_config
from appliance.config.addresses import DatabaseAddress, parse_database_url
from matrix_app.storage import snapshot_facts
from matrix_app.storage.snapshot_facts import Facts, MediaWanted

# Called with how much is done and how much there is, if that is known; raises to end the work.
Progress = Callable[[int, int | None], None]
PAGES: Final = 2_000
POLL_SECONDS: Final = 0.5
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


def copy_database(source: DatabaseAddress, folder: Path, progress: Progress, *, media: bool) -> Copied:
    """Copy a database into a file of a folder."""
    file = folder / NAMES[source.engine]
    copy = _copy_sqlite if source.engine == "sqlite" else _dump_postgresql
    return copy(source, file, progress, media)


def _copy_sqlite(source: DatabaseAddress, file: Path, progress: Progress, media: bool) -> Copied:
    plain = file.with_suffix("")
    plain.unlink(missing_ok=True)
    check_space(file.parent, Path(source.name).stat().st_size * 3 // 2)
    try:
        _copy_pages(Path(source.name), plain, progress)
        with closing(sqlite3.connect(plain)) as copy:
            found = _look_at(copy, is_sqlite=True, media=media)
        _compress(plain, file, progress)
    except sqlite3.Error as fault:
        raise BackupError(f"The database cannot be copied: {fault}") from fault
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


def _compress(plain: Path, file: Path, progress: Progress) -> None:
    total, done = plain.stat().st_size, 0
    with plain.open("rb") as source, file.open("wb") as raw:
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=1, mtime=0) as packed:
            while chunk := source.read(CHUNK):
                packed.write(chunk)
                done += len(chunk)
                progress(done, total)
        raw.flush()
        os.fsync(raw.fileno())


def decompress(file: Path, plain: Path) -> None:
    """Unpack a copy of SQLite; raises `BackupError` when it is damaged or does not fit on the disk."""
    try:
        with gzip.open(file, "rb") as source, plain.open("wb") as target:
            shutil.copyfileobj(source, target, CHUNK)
            target.flush()
            os.fsync(target.fileno())
    except (OSError, EOFError) as fault:
        plain.unlink(missing_ok=True)
        raise BackupError(f"{file} cannot be unpacked: {fault}") from fault


def check_space(folder: Path, needed: int) -> None:
    """Raise `BackupError` when a disk has less room than that."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BackupError(
            f"A backup needs about {needed >> 20} MiB, and there are {free >> 20} MiB free in {folder}"
        )


def _dump_postgresql(source: DatabaseAddress, file: Path, progress: Progress, media: bool) -> Copied:
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
        command += ["--exclude-schema=before_restore_*", "-f", str(file)]
        run_program([*command, "-d", conninfo(source)], source, lambda: progress(_size(file), None))
    return found


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def conninfo(address: DatabaseAddress) -> str:
    """What libpq connects by; without the password, which is not for lists of processes."""
    from psycopg.conninfo import make_conninfo

    given = {"dbname": address.name, "user": address.user, "host": address.host, "port": address.port}
    return make_conninfo(**{key: value for key, value in given.items() if value}, **dict(address.options))


def run_program(command: list[str], address: DatabaseAddress, tick: Callable[[], None]) -> None:
    """Run a program of PostgreSQL; `tick` is called while it runs, and ends it by raising."""
    environment = dict(os.environ)
    if address.password:
        environment["PGPASSWORD"] = address.password
    try:
        process = subprocess.Popen(  # noqa: S603  (no shell; the arguments are ours)
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except FileNotFoundError:
        raise BackupError(
            f"{command[0]} is not installed: install the package postgresql-client of the server's version"
        ) from None
    try:
        faults = _wait(process, tick)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode:
        raise BackupError(f"{command[0]} failed: {faults.strip()[-1000:] or process.returncode}")


def _wait(process: subprocess.Popen[bytes], tick: Callable[[], None]) -> str:
    while True:
        try:
            return process.communicate(timeout=POLL_SECONDS)[1].decode(errors="replace")
        except subprocess.TimeoutExpired:
            tick()


def told_seldom(tell: Callable[[int, int | None], None], seconds: float = 1.0) -> Progress:
    """A progress that is told at most every so many seconds."""
    last = 0.0

    def progress(done: int, total: int | None) -> None:
        nonlocal last
        if time.monotonic() - last >= seconds:
            last = time.monotonic()
            tell(done, total)

    return progress
