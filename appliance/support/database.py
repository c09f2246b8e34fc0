"""Figures of the database: rows, sizes, migrations, tasks; nothing that stands in it."""

from __future__ import annotations

import time
from typing import Any


def facts() -> dict[str, Any]:
    """What is told of it. Raises errors of the database."""
    from django.db import connection

    from appliance.database import shipped
    from appliance.diagnostics.sizes import database_bytes
    from appliance.metrics.states import states
    from matrix_app.storage import table_statistics

    began = time.monotonic()
    tables = table_statistics.tables()
    known, applied = shipped(), table_statistics.applied_migrations()
    return {
        "engine": connection.vendor,
        "version": table_statistics.version(),
        "bytes": database_bytes(),
        "settings": table_statistics.settings(),
        "tables": {name: found._asdict() for name, found in tables.items()},
        "migrations": {
            "applied": len(applied & known),
            "missing": sorted(f"{app}.{name}" for app, name in known - applied),
            "of_other_versions": len(applied - known),
        },
        "states": {state.name: state.value for state in states()},
        "seconds": round(time.monotonic() - began, 3),
    }
