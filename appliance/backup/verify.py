"""Whether a server could be restored from a backup: it is restored to a place of its own, and looked at."""

from __future__ import annotations

import io
import os
import secrets
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from appliance.backup import layout, media_pool
from appliance.backup.database_copy import present_database
from appliance.backup.errors import BackupError
from appliance.backup.keys import Keys
from appliance.backup.layout import Stored
from appliance.backup.manifest import HASHED_BYTES, Manifest, Verdict, packed_faults, part_of, read_again
from appliance.backup.media_pool import MOST_FAULTS
from appliance.backup.parts import FACTS, FORGED, OpenBackup, open_backup
from appliance.backup.programs import Tick, conninfo, input_of
from appliance.backup.streams import Hashing, Ticking, Unzipping
from appliance.config import get_config
from appliance.config.addresses import DatabaseAddress
from appliance.database import shipped
from appliance.telling import Tell
from matrix_app.protocol.said import said
from matrix_app.storage import snapshot_facts
from matrix_app.storage.clock import now_ms
from matrix_app.storage.snapshot_facts import Facts

_STATEMENT_STEPS: Final = 1_000_000
State = dict[str, Any]


def verify(stored: Stored, tell: Tell, given: Keys | None = None) -> Verdict:
    """Restore a backup into a scratch place and check it; the verdict is stored beside it.

    Raises `WrongKey` when it is encrypted and cannot be opened.
    """
    state = new_verification()
    while not verify_step(stored, state, tell, given):
        continue
    return read_again(Verdict(now_ms(), state["faults"]))


def new_verification() -> State:
    """The state of a verification that has not begun."""
    return {"phase": "parts", "faults": []}


def verify_step(stored: Stored, state: State, tell: Tell, given: Keys | None = None) -> bool:
    """Do the next piece; True when the verdict is stored beside the backup, and its faults are in `state`."""
    faults: list[str] = state["faults"]
    if state["phase"] == "parts":
        faults += packed_faults(part_faults(stored, tell), MOST_FAULTS)
        state["phase"] = "inner"
    elif state["phase"] == "inner":
        faults += packed_faults(inner_faults(open_backup(stored, given), tell), MOST_FAULTS)
        state |= {"phase": "media", "at": 0}
    elif media_pool.check_some(open_backup(stored, given), state, tell):
        state["phase"] = "done"
    if state["phase"] != "done" and not (state["phase"] == "inner" and faults):
        return False
    verdict = Verdict(now_ms(), faults[:MOST_FAULTS])
    layout.write_whole(stored.folder / layout.VERDICT, msgspec.json.encode(verdict))
    return True


def inner_faults(opened: OpenBackup, tell: Tell) -> Iterator[str]:
    """What is wrong with a backup whose parts are whole, but for its media."""
    if opened.is_forged:
        yield FORGED
    yield from schema_faults(opened.manifest)
    tell("database", 0, None)
    look = _sqlite_faults if opened.manifest.engine == "sqlite" else _postgresql_faults
    try:
        opened.pour(layout.FILES, Hashing())
        yield from look(opened, lambda: tell("database", 0, None))
    except BackupError as fault:
        yield fault.message


def part_faults(stored: Stored, tell: Tell) -> Iterator[str]:
    """Parts that are missing, or not as they were."""
    before, total = 0, stored.manifest.size
    for name, part in stored.manifest.parts.items():
        tell(name, before, total)
        file = stored.folder / name
        if not file.is_file():
            yield said("{name} is missing", name=name)
        elif part_of(file, _read_on(partial(tell, name), before, total)) != part:
            yield said("{name} is damaged: its size or hash is not that of the manifest", name=name)
        before += part.size


def _read_on(tell: Callable[[int, int], None], before: int, total: int) -> Tick:
    """Tells with each block of a file how much has been read of all."""
    done = before

    def tick() -> None:
        nonlocal done
        done = min(done + HASHED_BYTES, total)
        tell(done, total)

    return tick


def schema_faults(manifest: Manifest) -> Iterator[str]:
    """Migrations that this version of Hearth does not know."""
    unknown = sorted(set(manifest.migrations) - shipped())
    if unknown:
        yield said(
            "it was made by Hearth {version}, whose schema this version does not know ({migration}): install"
            " that version or a newer one",
            version=manifest.hearth_version,
            migration=unknown[0][1],
        )


def _sqlite_faults(opened: OpenBackup, tick: Tick) -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir=_scratch(opened), prefix=".verify-") as scratch:
        plain = Path(scratch) / "database.sqlite3"
        unpack_sqlite(opened, plain, tick)
        with closing(sqlite3.connect(plain)) as connection, _ticking(connection, tick):
            for (found,) in connection.execute("PRAGMA integrity_check(10)").fetchall():
                if found != "ok":
                    yield said("the database is damaged: {fault}", fault=found)
            yield from _count_faults(opened, connection, is_sqlite=True)


@contextmanager
def _ticking(connection: sqlite3.Connection, tick: Tick) -> Iterator[None]:
    """Inside the block long statements tell that they go on, and end when that raises."""
    raised: list[BaseException] = []

    def handler() -> int:
        try:
            tick()
        except BaseException as fault:  # noqa: BLE001  (SQLite would swallow it: it is raised below)
            raised.append(fault)
        return len(raised)

    connection.set_progress_handler(handler, _STATEMENT_STEPS)
    try:
        yield
    except sqlite3.OperationalError as fault:
        raise (raised[0] if raised else fault) from None
    finally:
        connection.set_progress_handler(None, 0)


def _scratch(opened: OpenBackup) -> Path:
    """Where a copy may lie: of what is encrypted nothing lies plainly among the backups."""
    return get_config().server.data_dir if opened.is_sealed else opened.stored.folder.parent


def unpack_sqlite(opened: OpenBackup, file: Path, tick: Tick) -> None:
    """Unpack a database of SQLite into a file; raises `BackupError` when it is damaged or does not fit."""
    try:
        with file.open("wb") as target:
            unzipping = Unzipping(Ticking(target, tick))
            opened.pour(opened.database, unzipping)
            unzipping.finish()
            target.flush()
            os.fsync(target.fileno())
    except OSError as fault:
        raise BackupError(said("{file} cannot be written: {fault}", file=file, fault=fault)) from fault


def _facts(opened: OpenBackup) -> Facts:
    manifest = opened.manifest
    if not opened.is_sealed:
        return Facts(manifest.counts, manifest.migrations, manifest.stream_position)
    plain = io.BytesIO()
    opened.pour(FACTS, plain)
    return msgspec.json.decode(plain.getvalue(), type=Facts)


def _count_faults(opened: OpenBackup, connection: Any, *, is_sqlite: bool) -> Iterator[str]:
    told = _facts(opened)

    def query(sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
        return found

    facts = snapshot_facts.read(query, is_sqlite=is_sqlite, tables=sorted(told.counts))
    for table, count in told.counts.items():
        if facts.counts[table] != count:
            yield said(
                "{table} has {found} rows instead of {count}",
                table=table,
                found=facts.counts[table],
                count=count,
            )
    if sorted(facts.migrations) != sorted(opened.manifest.migrations):
        yield said("its migrations are not those of the manifest")
    if facts.stream_position != told.stream_position:
        yield said(
            "its stream is at {found} instead of {told}",
            found=facts.stream_position,
            told=told.stream_position,
        )
    owner = snapshot_facts.owner_domain(query)
    if owner not in (None, opened.manifest.server_name):
        yield said("its users are of {owner}, not of {name}", owner=owner, name=opened.manifest.server_name)


def _postgresql_faults(opened: OpenBackup, tick: Tick) -> Iterator[str]:
    import psycopg

    present = present_database()
    if present.engine != "postgresql":
        yield said("it is of PostgreSQL, and can be verified only where the configuration names one")
        return
    try:
        with _scratch_database(present) as scratch:
            restore_dump(opened, scratch, tick)
            with psycopg.connect(conninfo(scratch), password=scratch.password or None) as connection:
                yield from _count_faults(opened, connection, is_sqlite=False)
    except BackupError as fault:
        yield fault.message
    except psycopg.errors.InsufficientPrivilege:
        yield said(
            "no scratch database could be made: let the role {role} make one (ALTER ROLE {role} CREATEDB), or"
            " verify on another machine",
            role=present.user,
        )


def restore_dump(opened: OpenBackup, target: DatabaseAddress, tick: Tick) -> None:
    """Restore a dump into an empty database of PostgreSQL."""
    command = ["pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "-d", conninfo(target)]
    with input_of(command, target, tick) as program:
        opened.pour(opened.database, program)


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
