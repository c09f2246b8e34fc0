"""The database: whether it answers, fits this version, and how it grows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, info, ok, warn
from matrix_app.protocol.said import said

OLDEST_POSTGRESQL: Final = 140_000


@check("database.connect", "Database answers")
def connect() -> Result:
    """Ask the database the simplest question."""
    from appliance.database import described
    from matrix_app.storage import db

    db.value("SELECT 1")
    return ok(described())


@check("database.schema", "Schema of this version", needs=["database.connect"])
def schema() -> Result:
    """Whether every migration has been applied, and none that this version does not know."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    known = set(executor.loader.disk_migrations)
    ahead = sorted(name for app, name in executor.loader.applied_migrations if (app, name) not in known)
    if ahead:
        return error(
            "The database is of a newer version of Hearth",
            detail=", ".join(ahead[:5]),
            fix="Install the newer version again, or restore the backup from before the upgrade.",
        )
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if waiting:
        return error(said("{count} migrations are missing", count=len(waiting)), fix="hearth migrate")
    return ok("All migrations are applied")


@check("database.size", "Size of the database", needs=["database.connect"])
def size() -> Result:
    """How large the database is."""
    from appliance.diagnostics.sizes import database_bytes

    found = database_bytes()
    return info(said("{size:.0f} MB", size=found / 1_000_000), bytes=found)


@check("database.version", "Version of PostgreSQL", needs=["database.connect"])
def version() -> Result:
    """PostgreSQL must be one that is still looked after, with the collation that indexes rely on."""
    from django.db import connection

    from matrix_app.storage import db

    if db.is_sqlite():
        return ok("SQLite")
    number = int(db.value("SELECT current_setting('server_version_num')"))
    if number < OLDEST_POSTGRESQL:
        return error(
            said("PostgreSQL {version} is too old", version=number // 10000),
            fix="Upgrade to PostgreSQL 14 or newer.",
        )
    collation = db.value("SELECT datcollate FROM pg_database WHERE datname = current_database()")
    if collation not in ("C", "POSIX"):
        return warn(
            said(
                "The collation is {collation}: an upgrade of the system can break indexes",
                collation=collation,
            ),
            fix="Make the database with LC_COLLATE 'C' and move the data with pg_dump.",
        )
    return ok(
        said("PostgreSQL {version}", version=number // 10000), database=connection.settings_dict["NAME"]
    )


@check("database.wal", "Write-ahead log of SQLite", needs=["database.connect"])
def wal() -> Result:
    """A log that grows without end means that somebody holds an old snapshot open."""
    from django.db import connection

    from matrix_app.storage import db

    if not db.is_sqlite():
        return ok("PostgreSQL looks after its own")
    file = Path(f"{connection.settings_dict['NAME']}-wal")
    found = file.stat().st_size if file.exists() else 0
    if found > 512 << 20:
        return warn(
            said("{size} MiB", size=found >> 20),
            fix="Start the server again; if it grows again, report it.",
        )
    return ok(said("{size} MiB", size=found >> 20))
