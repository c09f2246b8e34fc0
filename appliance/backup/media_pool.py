"""Files of media in the folder of backups: each is there once, under the name that it has in the store.

A name never stands for two files, so what is there in its size needs no second look. Which files belong to a
backup is in its `media.jsonl`, a line of JSON for each.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import orjson

from appliance.backup.errors import BackupError
from appliance.backup.layout import MEDIA, POOL
from appliance.backup.manifest import CHUNK
from appliance.config import get_config
from matrix_app.media.store import MediaStore, media_store
from matrix_app.storage.snapshot_facts import MediaWanted

PIECE_SECONDS: Final = 5.0
WANTED: Final = ".wanted.jsonl"


def write_wanted(folder: Path, wanted: Iterable[MediaWanted]) -> int:
    """Note which files a backup is to have; how many."""
    count = 0
    with (folder / WANTED).open("wb") as stream:
        for one in wanted:
            stream.write(orjson.dumps(tuple(one)) + b"\n")
            count += 1
    return count


def read_list(file: Path) -> Iterator[MediaWanted]:
    """The files of a list; nothing when there is no list."""
    if not file.exists():
        return
    with file.open("rb") as stream:
        for line in stream:
            yield MediaWanted(*orjson.loads(line))


def copy_some(root: Path, folder: Path, state: dict[str, Any]) -> bool:
    """Copy files for a few seconds; True when there are none left.

    `state` tells where to go on in both lists, and counts.
    """
    store, pool = media_store(), root / POOL
    until = time.monotonic() + PIECE_SECONDS
    with (folder / WANTED).open("rb") as wanted, (folder / MEDIA).open("ab") as had:
        wanted.seek(state.setdefault("wanted_at", 0))
        had.truncate(state.setdefault("had_at", 0))
        had.seek(0, os.SEEK_END)
        while line := wanted.readline():
            one = MediaWanted(*orjson.loads(line))
            if _ensure(store, pool, one):
                had.write(line)
                state["files"] = state.get("files", 0) + 1
                state["bytes"] = state.get("bytes", 0) + one.size
            else:
                state["missing"] = state.get("missing", 0) + 1
            if time.monotonic() > until:
                break
        had.flush()
        os.fsync(had.fileno())
        state["wanted_at"], state["had_at"] = wanted.tell(), had.tell()
        return not line


def _ensure(store: MediaStore, pool: Path, one: MediaWanted) -> bool:
    """Have a file in the pool; False when the store has it no more, or not as it was."""
    target = pool / one.location
    if target.is_file() and target.stat().st_size == one.size:
        return True
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f".{target.name}.draft")
    draft.unlink(missing_ok=True)
    try:
        if not _link(one, draft) and not _copy(store, one, draft):
            return False
        draft.rename(target)
    except FileNotFoundError:
        return False
    except OSError as fault:
        raise BackupError(f"Media cannot be written to the folder of backups: {fault}") from fault
    finally:
        draft.unlink(missing_ok=True)
    return True


def _link(one: MediaWanted, draft: Path) -> bool:
    """The same file under a second name, where both are on one disk: the store never writes to it again."""
    media = get_config().media
    if media.store != "folder":
        return False
    source = media.dir / one.location
    if source.stat().st_size != one.size:
        return False
    try:
        draft.hardlink_to(source)
    except FileNotFoundError:
        raise
    except OSError:
        return False  # another disk, or one that knows no links
    return True


def _copy(store: MediaStore, one: MediaWanted, draft: Path) -> bool:
    hashed, size = hashlib.sha256(), 0
    with store.open(one.location) as source, draft.open("wb") as target:
        while chunk := source.read(CHUNK):
            hashed.update(chunk)
            target.write(chunk)
            size += len(chunk)
        target.flush()
        os.fsync(target.fileno())
    return size == one.size and one.sha256 in (None, hashed.hexdigest())


def faults_in(root: Path, folder: Path, tell: Callable[[int], None]) -> Iterator[str]:
    """What is wrong with the files of a backup: those that are not there, or not as they were."""
    for number, one in enumerate(read_list(folder / MEDIA)):
        tell(number)
        file = root / POOL / one.location
        if not file.is_file():
            yield f"the file {one.location} is missing"
        elif file.stat().st_size != one.size:
            yield f"the file {one.location} has another size"
        elif one.sha256 is not None and _digest(file) != one.sha256:
            yield f"the file {one.location} is damaged"


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def put_back(root: Path, folder: Path, store: MediaStore, tell: Callable[[int], None]) -> int:
    """Put the files of a backup into the store, unless they are there; how many the backup lacks."""
    lost = 0
    for number, one in enumerate(read_list(folder / MEDIA)):
        tell(number)
        if store.size(one.location) == one.size:
            continue
        store.delete(one.location)
        try:
            with (root / POOL / one.location).open("rb") as source:
                store.stage(source, one.location).keep()
        except FileNotFoundError:
            lost += 1
    return lost


def prune(root: Path) -> int:
    """Remove files that belong to no backup, and to none that is being made; how many."""
    pool = root / POOL
    kept: set[str] = set()
    for folder in root.iterdir() if root.is_dir() else []:
        for name in (MEDIA, WANTED):
            kept.update(one.location for one in read_list(folder / name))
    removed = 0
    for folder_name, _, names in os.walk(pool):
        for name in names:
            file = Path(folder_name) / name
            if file.relative_to(pool).as_posix() not in kept:
                file.unlink(missing_ok=True)
                removed += 1
    return removed
