"""Whether this version may use a database that a newer one has changed, and what to do before changing it."""

from __future__ import annotations

import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from appliance.config import get_config
from appliance.telling import to_nobody
from appliance.version import OLDEST_CODE, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from appliance.backup.layout import Stored
    from appliance.telling import Tell


class SchemaRefused(Exception):
    """The database must not be used, or not be changed; the message says what helps."""


def refuse_newer(unknown: Iterable[tuple[str, str]]) -> None:
    """Raise `SchemaRefused` when migrations that this version does not know forbid its code."""
    names = sorted(name for _, name in unknown)
    if not names:
        return
    made_by, oldest = _stated()
    if oldest is not None and parts(oldest) <= parts(VERSION):
        return
    raise SchemaRefused(
        f"the database is of {f'Hearth {made_by}' if made_by else 'a newer version'}, and this is Hearth "
        f"{VERSION}, which does not know its schema ({names[0]}): "
        f"install {f'Hearth {oldest} or newer' if oldest else 'that version'} again, or restore the copy "
        f"from before the upgrade ({_latest_copy()})"
    )


def _stated() -> tuple[str, str | None]:
    from django.db import DatabaseError

    from matrix_app.storage import installation

    try:
        found = installation.schema_version()
    except DatabaseError:
        return "", None
    return found or ("", None)


def _latest_copy() -> str:
    from appliance.backup.layout import stored_backups

    copies = [one for one in stored_backups(get_config().backup.dir) if one.manifest.reason == "upgrade"]
    return f"hearth restore --replace {copies[0].manifest.id}" if copies else "hearth restore"


def parts(version: str) -> tuple[int, ...]:
    """A version as numbers that can be compared."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


def note_version() -> None:
    """Note in the database who made its schema what it is."""
    from matrix_app.storage import installation

    stated = installation.schema_version()
    if stated is None or parts(stated[0]) <= parts(VERSION):
        installation.put_schema_version(VERSION, OLDEST_CODE)


def _look_at_pages() -> None:
    """Whether copies are made and encrypted may have been said on a page."""
    from django.db import DatabaseError

    from appliance.config.stored import refresh

    with suppress(DatabaseError):  # a database that is too old to have such settings
        refresh(now=True)


def copy_before_upgrade(tell: Tell = to_nobody) -> Stored | None:
    """Copy the database before its schema is changed; None when it is not to be, or cannot be.

    Raises `SchemaRefused` when there is no room for the copy.
    """
    from django.db import connection

    from appliance.backup.errors import BackupError
    from appliance.backup.make import BEFORE_UPGRADE, make

    _look_at_pages()
    missing = connection.vendor != "sqlite" and shutil.which("pg_dump") is None
    if missing or not get_config().backup.before_upgrades:
        return None
    try:
        return make(BEFORE_UPGRADE, tell, media=False)
    except BackupError as fault:
        raise SchemaRefused(
            f"the database was not copied before the upgrade, so it was not changed: {fault.message} "
            "(backup.before_upgrades = false goes on without a copy)"
        ) from fault
