"""How much space what Hearth keeps takes."""

from __future__ import annotations

from pathlib import Path


def database_bytes() -> int:
    """The size of the database, its log included."""
    from django.db import connection

    from matrix_app.storage import db

    if not db.is_sqlite():
        return int(db.value("SELECT pg_database_size(current_database())"))
    name = Path(connection.settings_dict["NAME"])
    files = [name, name.with_name(f"{name.name}-wal")]
    return sum(file.stat().st_size for file in files if file.exists())
