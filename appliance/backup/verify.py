"""Whether a server could be restored from a backup: it is restored to a place of its own, and looked at."""

from __future__ import annotations

import secrets
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Final

import msgspec

from appliance.backup import layout, media_pool
from appliance.backup.database_copy import conninfo, decompress, present_database, run_program
from appliance.backup.errors import BackupError
from appliance.backup.layout import Stored
from appliance.backup.manifest import Manifest, Verdict, part_of
from appliance.config.addresses import DatabaseAddress
from appliance.database import shipped
from matrix_app.storage import snapshot_facts
from matrix_app.storage.clock import now_ms

MOST_FAULTS: Final = 100
Tell = Callable[[str, int, int | None], None]


def verify(stored: Stored, tell: Tell) -> Verdict:
    """Restore a backup into a scratch place and check it; the verdict is stored beside it."""
    verdict = Verdict(now_ms(), list(islice(_faults(stored, tell), MOST_FAULTS)))
    layout.write_whole(stored.folder / layout.VERDICT, msgspec.json.encode(verdict))
    return verdict


def _faults(stored: Stored, tell: Tell) -> Iterator[str]:
    damaged = list(part_faults(stored, tell))
    yield from damaged
    yield from schema_faults(stored.manifest)
    if not damaged:
        yield from _database_faults(stored, tell)
    total = stored.manifest.media.files if stored.manifest.media else 0
    yield from media_pool.faults_in(
        stored.folder.parent, stored.folder, lambda done: tell("media", done, total)
    )


def part_faults(stored: Stored, tell: Tell) -> Iterator[str]:
    """Parts that are missing, or not as they were."""
    for name, part in stored.manifest.parts.items():
        tell(name, 0, None)
        file = stored.folder / name
        if not file.is_file():
            yield f"{name} is missing"
        elif part_of(file) != part:
            yield f"{name} is damaged: its size or hash is not that of the manifest"


def schema_faults(manifest: Manifest) -> Iterator[str]:
    """Migrations that this version of Hearth does not know."""
    unknown = sorted(set(manifest.migrations) - shipped())
    if unknown:
        yield (
            f"it was made by Hearth {manifest.hearth_version}, whose schema this version does not know "
            f"({unknown[0][1]}): install that version or a newer one"
        )


def _database_faults(stored: Stored, tell: Tell) -> Iterator[str]:
    tell("database", 0, None)
    if stored.manifest.engine == "sqlite":
        yield from _sqlite_faults(stored)
    else:
        yield from _postgresql_faults(stored, tell)


def _sqlite_faults(stored: Stored) -> Iterator[str]:
    name = next(name for name in stored.manifest.parts if name.startswith("database."))
    with tempfile.TemporaryDirectory(dir=stored.folder.parent, prefix=".verify-") as scratch:
        plain = Path(scratch) / "database.sqlite3"
        decompress(stored.folder / name, plain)
        with closing(sqlite3.connect(plain)) as connection:
            for (found,) in connection.execute("PRAGMA integrity_check(10)").fetchall():
                if found != "ok":
                    yield f"the database is damaged: {found}"
            yield from _count_faults(stored.manifest, connection, is_sqlite=True)


def _count_faults(manifest: Manifest, connection: Any, *, is_sqlite: bool) -> Iterator[str]:
    def query(sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
        return found

    facts = snapshot_facts.read(query, is_sqlite=is_sqlite, tables=sorted(manifest.counts))
    for table, count in manifest.counts.items():
        if facts.counts[table] != count:
            yield f"{table} has {facts.counts[table]} rows instead of {count}"
    if sorted(facts.migrations) != sorted(manifest.migrations):
        yield "its migrations are not those of the manifest"
    if facts.stream_position != manifest.stream_position:
        yield f"its stream is at {facts.stream_position} instead of {manifest.stream_position}"
    owner = snapshot_facts.owner_domain(query)
    if owner not in (None, manifest.server_name):
        yield f"its users are of {owner}, not of {manifest.server_name}"


def _postgresql_faults(stored: Stored, tell: Tell) -> Iterator[str]:
    import psycopg

    present = present_database()
    if present.engine != "postgresql":
        yield "it is of PostgreSQL, and can be verified only where the configuration names one"
        return
    try:
        with _scratch_database(present) as scratch:
            restore_dump(stored, scratch, lambda: tell("database", 0, None))
            with psycopg.connect(conninfo(scratch), password=scratch.password or None) as connection:
                yield from _count_faults(stored.manifest, connection, is_sqlite=False)
    except BackupError as fault:
        yield fault.message
    except psycopg.errors.InsufficientPrivilege:
        yield (
            f"no scratch database could be made: let the role {present.user} make one "
            f"(ALTER ROLE {present.user} CREATEDB), or verify on another machine"
        )


def restore_dump(stored: Stored, target: DatabaseAddress, tick: Callable[[], None]) -> None:
    """Restore a dump into an empty database of PostgreSQL."""
    name = next(name for name in stored.manifest.parts if name.startswith("database."))
    command = ["pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "-d", conninfo(target)]
    run_program([*command, str(stored.folder / name)], target, tick)


@contextmanager
def _scratch_database(present: DatabaseAddress) -> Iterator[DatabaseAddress]:
    import psycopg
    from psycopg import sql

    scratch = present._replace(name=f"hearth_verify_{secrets.token_hex(6)}")
    name = sql.Identifier(scratch.name)
    with psycopg.connect(conninfo(present), password=present.password or None, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(name))
        try:
            yield scratch
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))
