"""Where things are in the folder of backups.

Each backup is a folder named after the time of its beginning. What begins with a dot is not a backup: one
that is being made has such a name until it is whole. `pool/` has the files of media, each once for all.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from appliance.backup.errors import BackupError
from appliance.backup.manifest import FILE, Manifest, Verdict, read_again, read_manifest
from appliance.config import get_config
from matrix_app.protocol.said import said

POOL: Final = "pool"
FILES: Final = "files.tar"
MEDIA: Final = "media.jsonl"
POOL_LIST: Final = "pool.jsonl"
VERDICT: Final = "verified.json"
# The names of backups.
ID: Final = re.compile(r"\d{4}-\d\d-\d\dT\d{6}Z")
_WORK: Final = "backup-work"
_TIME: Final = "%Y-%m-%dT%H%M%SZ"


class Stored(NamedTuple):
    """A whole backup in the folder, and how its last verification ended."""

    folder: Path
    manifest: Manifest
    verdict: Verdict | None


def work_folder(id: str) -> Path:
    """Where plain data lies while an encrypted backup is made: with the server's own, not among backups."""
    return get_config().server.data_dir / _WORK / id


def work_folders() -> list[Path]:
    """Those that there are."""
    return list((get_config().server.data_dir / _WORK).glob("*"))


def new_id(now_ms: int) -> str:
    """The name of a backup that begins now."""
    return datetime.fromtimestamp(now_ms / 1000, UTC).strftime(_TIME)


def stored_backups(root: Path) -> list[Stored]:
    """The whole backups in a folder, the newest first; what cannot be read is left out."""
    found = []
    for folder in sorted(root.iterdir(), reverse=True) if root.is_dir() else []:
        if folder.name.startswith(".") or not (folder / FILE).is_file():
            continue
        try:
            found.append(Stored(folder, read_manifest(folder), read_verdict(folder)))
        except BackupError:
            continue
    return found


def latest_ts(root: Path) -> int | None:
    """When the newest whole backup in a folder was begun, by its name alone; None where there is none."""
    names = [folder.name for folder in root.iterdir() if ID.fullmatch(folder.name)] if root.is_dir() else []
    whole = (name for name in sorted(names, reverse=True) if (root / name / FILE).is_file())
    name = next(whole, None)
    return int(datetime.strptime(name, _TIME).replace(tzinfo=UTC).timestamp() * 1000) if name else None


def find_backup(root: Path, name: str) -> Stored:
    """A backup by its name in the folder, or by its path; raises `BackupError`."""
    inside = root / name
    folder = inside if "/" not in name and inside.is_dir() else Path(name)
    if not folder.exists():
        raise BackupError(
            said(
                "There is no backup {name}{others}", name=name, others="" if "/" in name else _those_in(root)
            )
        )
    return Stored(folder, read_manifest(folder), read_verdict(folder))


def _those_in(root: Path) -> str:
    found = stored_backups(root)
    return f" in {root}; the latest is {found[0].manifest.id}" if found else f": there are none in {root}"


def read_verdict(folder: Path) -> Verdict | None:
    """How the last verification of a backup ended; None when there was none."""
    try:
        return read_again(msgspec.json.decode((folder / VERDICT).read_bytes(), type=Verdict))
    except (OSError, msgspec.DecodeError):
        return None


def write_whole(file: Path, data: bytes) -> None:
    """Write a file so that it is there in full, on the disk, or not at all."""
    draft = file.with_name(f".{file.name}.draft")
    with draft.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    draft.rename(file)
    sync_folder(file.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk keep the names in a folder."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def locked(
    root: Path, name: str = ".lock", why: str = "Another backup is being made just now"
) -> Iterator[None]:
    """Keep others from changing the folder of backups; raises `BackupError` when somebody does so now."""
    try:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (root / name).open("w")
    except OSError as fault:
        raise BackupError(said("The folder of backups cannot be written: {fault}", fault=fault)) from fault
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(why) from None
        yield


def remove_folder(folder: Path) -> None:
    """Remove a backup: first its manifest, so that what is left of it never passes for one."""
    (folder / FILE).unlink(missing_ok=True)
    shutil.rmtree(folder)
