"""Bringing the database to the schema of this version, quickly when it is there already."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

import django

from appliance.schema import SchemaRefused, copy_before_upgrade, note_version, refuse_newer
from appliance.telling import to_nobody

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.telling import Tell

Names = set[tuple[str, str]]


def migrate(tell: Tell = to_nobody) -> int:
    """Applies the migrations that are missing; the result is how many that were.

    The database is copied before it is changed. Raises `SchemaRefused` when that cannot be done, and for a
    database that a newer version has made other than this one can use.
    """
    django.setup()
    from django.db import connection

    if connection.vendor == "sqlite":
        _make_parent(connection.settings_dict["NAME"])
    known, applied = shipped(), _applied()
    refuse_newer(applied - known)
    missing = known - applied
    if missing:
        if applied:
            copy_before_upgrade(tell)
        _apply(len(missing), tell)
    note_version()
    connection.close()
    return len(missing)


def _apply(count: int, tell: Tell) -> None:
    from django.core.management import call_command
    from django.core.management.commands.migrate import Command

    class Told(Command):
        """Django's own, which tells of each migration instead of printing."""

        done = 0

        def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
            if action == "apply_success":
                self.done += 1
            tell("migrations", self.done, count)

    call_command(Told(), interactive=False, verbosity=0)


def count_missing() -> int:
    """How many migrations are still to be applied; 0 when the schema is this version's.

    Raises `SchemaRefused` for a database that a newer version has made other than this one can use.
    """
    django.setup()
    known, applied = shipped(), _applied()
    refuse_newer(applied - known)
    return len(known - applied)


def require_current() -> None:
    """Raise `SchemaRefused` unless the schema is this version's."""
    if missing := count_missing():
        raise SchemaRefused(f"the database lacks {missing} migrations of this version: run hearth migrate")


def described() -> str:
    """Which database this is, in words without a password."""
    from django.db import connection

    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"SQLite, {settings['NAME']}"
    return f"PostgreSQL, {settings['NAME']} on {settings['HOST'] or 'the local socket'}"


def _make_parent(file: str) -> None:
    from pathlib import Path

    Path(file).parent.mkdir(parents=True, exist_ok=True, mode=0o750)


def shipped() -> Names:
    """The migrations on disk, by name: importing all of them takes longer than starting the server."""
    from django.apps import apps

    found: Names = set()
    for app in apps.get_app_configs():
        found |= {(app.label, name) for name in _migration_names(app.name)}
    return found


def _migration_names(app: str) -> Iterable[str]:
    try:
        package = import_module(f"{app}.migrations")
    except ModuleNotFoundError:
        return []
    return [module.name for module in pkgutil.iter_modules(package.__path__) if module.name[0] not in "_~"]


def _applied() -> Names:
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    return set(MigrationRecorder(connection).applied_migrations())
