"""Backups: how old the last one is, and whether it was found whole."""

from __future__ import annotations

from appliance.config import get_config
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, info, ok, warn

DAY_MS = 86_400_000
# A backup of every day may be late by one.
WARN_DAYS = 2
ERROR_DAYS = 7


@check("backup.age", "Age of the last backup")
def age() -> Result:
    """The last whole backup is a week old at most."""
    from appliance.backup.layout import stored_backups
    from matrix_app.storage.clock import now_ms

    settings = get_config().backup
    stored = stored_backups(settings.dir)
    if not stored:
        return warn(
            f"There is no backup in {settings.dir}",
            fix="Make one: hearth backup. The server makes them by itself with backup.every_hours.",
        )
    days = (now_ms() - stored[0].manifest.finished_ts) / DAY_MS
    text = f"The last backup is {days:.1f} days old"
    fix = "See the page Tasks for why none is made; hearth backup makes one."
    if days > ERROR_DAYS:
        return error(text, fix=fix, days=days)
    return warn(text, fix=fix, days=days) if days > WARN_DAYS else ok(text, days=days)


@check("backup.verify", "The last backup is whole")
def verify() -> Result:
    """What the last verification of the newest backup found."""
    from appliance.backup.layout import stored_backups

    stored = stored_backups(get_config().backup.dir)
    verdict = stored[0].verdict if stored else None
    if verdict is None:
        return ok("Nothing is known against it")
    if verdict.faults:
        return error(
            f"{len(verdict.faults)} faults were found in {stored[0].manifest.id}",
            detail="\n".join(verdict.faults[:5]),
            fix="Make a new backup at once: hearth backup",
        )
    return ok("It was verified and is whole")


@check("backup.place", "Place of the backups")
def place() -> Result:
    """Backups on the disk of the data are lost with it."""
    config = get_config()
    folders = [path for path in (config.backup.dir, config.server.data_dir) if path.exists()]
    if len({path.stat().st_dev for path in folders}) == 1 and len(folders) == 2:
        return info(
            "They are on the disk of the data, and lost with it",
            fix="Name a folder on another disk in backup.dir, or copy the folder elsewhere every day.",
        )
    return ok(str(config.backup.dir))
