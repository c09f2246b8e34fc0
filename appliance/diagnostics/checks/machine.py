"""The machine: space, memory, load, clock, and whether the system waits for a restart."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from appliance import machine
from appliance.config import get_config
from appliance.diagnostics.registry import check
from appliance.diagnostics.result import Result, error, ok, skipped, unknown, warn
from matrix_app.protocol.said import said

# Free space below which it becomes a concern, and a trouble.
WARN_FREE = 0.15
ERROR_FREE = 0.05
FULL_WARN_DAYS = 30
FULL_ERROR_DAYS = 7


@check("machine.disk_data", "Space for the database")
def disk_data() -> Result:
    """Free space where the database is."""
    return _space(get_config().server.data_dir)


@check("machine.disk_media", "Space for media")
def disk_media() -> Result:
    """Free space where media are."""
    media = get_config().media
    if media.store != "folder":
        return skipped("Media are in an S3-compatible store")
    return _space(media.dir)


def _space(folder: Path) -> Result:
    usage = shutil.disk_usage(_existing(folder))
    status = os.statvfs(_existing(folder))
    share, gib = usage.free / usage.total, usage.free / (1 << 30)
    inodes = status.f_favail / status.f_files if status.f_files else 1.0
    text = said("{gib:.1f} GiB free ({share:.0%}) at {folder}", gib=gib, share=share, folder=folder)
    fix = said("Remove old media on the page Media, or give the machine a larger disk.")
    if share < ERROR_FREE or inodes < ERROR_FREE:
        return error(text, fix=fix, free=usage.free, total=usage.total)
    if share < WARN_FREE or inodes < WARN_FREE:
        return warn(text, fix=fix, free=usage.free, total=usage.total)
    return ok(text, free=usage.free, total=usage.total)


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


@check("machine.memory", "Free memory")
def memory() -> Result:
    """Memory that programs could still have."""
    found = machine.memory()
    if found is None:
        return unknown("This system does not tell its memory")
    total, available = found
    share = available / total
    text = said("{available} MiB of {total} MiB are available", available=available >> 10, total=total >> 10)
    if share < 0.1:
        return error(text, fix="End what else runs on the machine, or give it more memory.")
    return warn(text) if share < 0.2 else ok(text)


@check("machine.load", "Load of the processors")
def load() -> Result:
    """Whether more wants to run than there are processors, for a quarter of an hour."""
    found = machine.load()
    if found is None:
        return unknown("This system does not tell its load")
    text = said("{minutes:.1f} on {cores} processors", minutes=found.quarter, cores=found.processors)
    if found.quarter > 2 * found.processors:
        return warn(text, fix="See which program it is with `top`.")
    return ok(text)


@check("machine.restart", "Restart of the system")
def restart() -> Result:
    """Debian and Ubuntu say so when an update needs a restart."""
    if Path("/run/reboot-required").exists() or Path("/var/run/reboot-required").exists():
        return warn("The system waits for a restart after an update", fix="sudo systemctl reboot")
    return ok("The system does not wait for one")


@check("machine.disk_forecast", "When the disk is full", needs=["database.connect"])
def disk_forecast() -> Result:
    """If it goes on as in the last month."""
    from appliance.metrics.forecast import disk_full_in_days

    days = disk_full_in_days()
    if days is None:
        return ok("Not within ten years, or too little is known yet")
    text = said("If it goes on like this, the disk is full in {days:.0f} days", days=days)
    fix = said("Remove old media on the page Media, or give the machine a larger disk.")
    if days < FULL_ERROR_DAYS:
        return error(text, fix=fix, days=days)
    return warn(text, fix=fix, days=days) if days < FULL_WARN_DAYS else ok(text, days=days)
