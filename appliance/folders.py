"""The folders that a server writes into: made when they are missing, and refused in a sentence that helps."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.config import Config

MODE = 0o750


class NotWritable(Exception):
    """A folder cannot be used by this process; the message says which, and what mends it."""


def make_folders(config: Config) -> None:
    """Makes the folders that are missing, and sees that this process can write there; or `NotWritable`."""
    named = {
        "server.data_dir": config.server.data_dir,
        "server.run_dir": config.server.run_dir,
        "media.dir": config.media.dir,
    }
    for setting, folder in named.items():
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=MODE)
        except OSError as fault:
            raise NotWritable(f"{setting}: {why_unusable(folder, fault)}") from fault
        if not os.access(folder, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
            raise NotWritable(f"{setting}: {why_unusable(folder)}")


def why_unusable(folder: Path, fault: OSError | None = None) -> str:
    """Why this process cannot use a folder, or make it, and what mends it."""
    whole = folder.absolute()
    place = next(place for place in (whole, *whole.parents) if _is_there(place))
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        return f"{place} is on a file system that can only be read"
    if fault is not None and not isinstance(fault, PermissionError):
        return f"{folder} cannot be made: {fault.strerror}"
    user, found = os.geteuid(), place.stat()
    return (
        f"the user {user} cannot use {place}, which belongs to {found.st_uid} and has the mode "
        f"{found.st_mode & 0o7777:o}. Start Hearth as its owner, or give it to this user: "
        f"chown -R {user}:{os.getegid()} {place} "
        "(for a container: the folder or volume outside that is mounted there)"
    )


def _is_there(folder: Path) -> bool:
    """Also when something above it hides it."""
    try:
        return folder.exists()
    except PermissionError:
        return False
