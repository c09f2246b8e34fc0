"""Giving what is the server's to the server: after somebody has worked there as root, or copied it there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from appliance.config import Config
from appliance.folders import MODE
from appliance.reconfigure.change import Change

_PRIVATE = 0o700
_OTHERS = 0o007


class Owner(NamedTuple):
    """The user that the server runs as."""

    uid: int
    gid: int


def mend(config: Config, owner: Owner, *, dry_run: bool) -> list[Change]:
    """Make folders that are missing, and give the server what is below its own.

    Nothing is followed out of them: the server's user can put links there, and root must not fall for that.
    """
    server = config.server
    changes: list[Change] = []
    for folder in (server.data_dir, server.run_dir):
        changes += _folder(folder, owner, dry_run=dry_run)
    if server.secrets_dir.is_dir():
        changes += _mode(server.secrets_dir, _PRIVATE, dry_run=dry_run)
    if os.geteuid() == 0:
        for folder in _topmost([server.data_dir, server.run_dir, config.media.dir]):
            changes += _contents(folder, owner, server.secrets_dir, dry_run=dry_run)
    return changes


def _folder(folder: Path, owner: Owner, *, dry_run: bool) -> list[Change]:
    if folder.exists():
        return _mode(folder, MODE, dry_run=dry_run) if folder.lstat().st_mode & _OTHERS else []
    if not dry_run:
        folder.mkdir(parents=True, mode=MODE)
        os.chown(folder, owner.uid, owner.gid, follow_symlinks=False)
    return [Change(str(folder), "made")]


def _mode(path: Path, mode: int, *, dry_run: bool) -> list[Change]:
    present = path.lstat().st_mode
    if stat.S_ISLNK(present) or stat.S_IMODE(present) == mode:
        return []
    if not dry_run:
        path.chmod(mode)
    return [Change(str(path), f"mode {mode:o}")]


def _topmost(folders: list[Path]) -> list[Path]:
    return [one for one in folders if one.is_dir() and not any(other in one.parents for other in folders)]


def _contents(top: Path, owner: Owner, secrets: Path, *, dry_run: bool) -> Iterator[Change]:
    given = 0
    for folder, names, files, descriptor in os.fwalk(top, follow_symlinks=False):
        for name in (".", *names, *files) if Path(folder) == top else (*names, *files):
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if _is_to_be_given(status, owner):
                given += 1
                if not dry_run:
                    os.chown(name, owner.uid, owner.gid, dir_fd=descriptor, follow_symlinks=False)
            if Path(folder) == secrets and stat.S_ISREG(status.st_mode) and status.st_mode & _OTHERS:
                yield Change(str(secrets / name), "closed to others")
                if not dry_run:
                    _close_to_others(name, descriptor)
    if given:
        yield Change(str(top), f"{given} files and folders given to the server")


def _close_to_others(name: str, folder: int) -> None:
    """By the file that was opened, whatever has that name by now."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    try:
        os.fchmod(descriptor, stat.S_IMODE(os.fstat(descriptor).st_mode) & ~_OTHERS)
    finally:
        os.close(descriptor)


def mend_configuration(folder: Path, gid: int, *, is_read_by_others: bool, dry_run: bool) -> list[Change]:
    """Have root own the configuration, the server read it, and others pass through where they have files."""
    wanted = {folder: 0o751 if is_read_by_others else 0o750, folder / "conf.d": 0o750}
    files = [folder / "hearth.toml", *(folder / "conf.d").glob("*.toml")]
    wanted |= dict.fromkeys((file for file in files if file.is_file()), 0o640)
    changes: list[Change] = []
    for path, mode in wanted.items():
        status = path.stat()
        if (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, gid, mode):
            continue
        changes.append(Change(str(path), f"given to root and the server, mode {mode:o}"))
        if not dry_run:
            os.chown(path, 0, gid)
            path.chmod(mode)
    return changes


def _is_to_be_given(status: os.stat_result, owner: Owner) -> bool:
    """Files that have other names elsewhere are left: the other name may be of something else."""
    is_plain = stat.S_ISDIR(status.st_mode) or (stat.S_ISREG(status.st_mode) and status.st_nlink == 1)
    return is_plain and status.st_uid != owner.uid
