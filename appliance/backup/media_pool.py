"""Files of media in the folder of backups: each is there once for all.

Plain ones bear the name that they have in the store; a name there never stands for two files, so what is
there in its size needs no second look. Encrypted ones bear names that tell nothing.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import orjson

from appliance.backup import media_list
from appliance.backup.errors import BackupError
from appliance.backup.layout import MEDIA, POOL, POOL_LIST, work_folders
from appliance.backup.media_list import WANTED, Listed
from appliance.backup.parts import OpenBackup, write_file
from appliance.backup.streams import Hashing
from appliance.config import get_config
from appliance.telling import Tell
from matrix_app.media.store import MediaStore, media_store
from matrix_app.protocol.said import packed, said

if TYPE_CHECKING:
    from appliance.backup.keys import Seal

PIECE_SECONDS: Final = 5.0
# So many are told; the rest is like them.
MOST_FAULTS: Final = 100


def copy_some(draft: Path, work: Path, seal: Seal | None, state: dict[str, Any]) -> bool:
    """Copy files for a few seconds; True when there are none left.

    `state` tells where to go on in the lists, and counts. The list of what is in the pool grows in the draft
    of the backup, the one with names of the store in the folder for plain data.
    """
    pool, until = draft.parent / POOL, time.monotonic() + PIECE_SECONDS
    with (
        (work / WANTED).open("rb") as wanted,
        _grown(work / MEDIA, state, "had_at") as had,
        _grown(draft / POOL_LIST if seal else None, state, "pooled_at") as pooled,
    ):
        wanted.seek(state.setdefault("wanted_at", 0))
        while line := wanted.readline():
            one = media_list.parse_line(line)
            size = _ensure(pool / one.name, one, seal)
            if size is None:
                state["missing"] = state.get("missing", 0) + 1
            else:
                had.write(line)
                pooled.write(orjson.dumps((one.name, size)) + b"\n")
                state["files"] = state.get("files", 0) + 1
                state["bytes"] = state.get("bytes", 0) + one.size
            if time.monotonic() > until:
                break
        state["wanted_at"] = wanted.tell()
    return not line


@contextmanager
def _grown(file: Path | None, state: dict[str, Any], key: str) -> Iterator[IO[bytes]]:
    """A list to add lines to, from where it was when `state` was stored; None is nowhere."""
    with (file or Path(os.devnull)).open("ab") as stream:
        if file is not None:
            stream.truncate(state.setdefault(key, 0))
            stream.seek(0, os.SEEK_END)
        yield stream
        stream.flush()
        if file is not None:
            os.fsync(stream.fileno())
            state[key] = stream.tell()


def _ensure(target: Path, one: Listed, seal: Seal | None) -> int | None:
    """Have a file in the pool; its size there, or None when the store has it no more, or not as it was."""
    if (found := _size(target)) is not None and (found > one.size if seal else found == one.size):
        return found
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f".{target.name}.draft")
    draft.unlink(missing_ok=True)
    try:
        if not (seal is None and _link(one, draft)) and not _copy(media_store(), one, draft, seal):
            return None
        draft.rename(target)
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise BackupError(
            said("Media cannot be written to the folder of backups: {fault}", fault=fault)
        ) from fault
    finally:
        draft.unlink(missing_ok=True)
    return target.stat().st_size


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return None


def _link(one: Listed, draft: Path) -> bool:
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


def _copy(store: MediaStore, one: Listed, draft: Path, seal: Seal | None) -> bool:
    with store.open(one.location) as stream:
        source = Hashing(stream)
        write_file(draft, source, seal)
    return source.is_as(one.size, one.sha256)


@contextmanager
def listed(opened: OpenBackup) -> Iterator[Iterator[Listed]]:
    """The files of media of a backup; none when it has no media."""
    if opened.manifest.media is None:
        yield iter(())
        return
    with _scratch() as plain:
        opened.pour(MEDIA, plain)
        plain.seek(0)
        yield media_list.read_list(plain)


def _scratch() -> IO[bytes]:
    """A file without a name, for plain data, on the disk of the server's own data."""
    return tempfile.TemporaryFile(dir=get_config().server.data_dir)


def check_some(opened: OpenBackup, state: dict[str, Any], tell: Tell) -> bool:
    """Look at files of a backup for some seconds; True when none are left.

    Those that are not there, or not as they were, are told in `state["faults"]`.
    """
    pool = opened.stored.folder.parent / POOL

    def look(one: Listed) -> None:
        if (fault := _fault(opened, pool / one.name, one)) and len(state["faults"]) < MOST_FAULTS:
            state["faults"].append(packed(fault))

    return _for_some(opened, state, tell, look)


def _for_some(opened: OpenBackup, state: dict[str, Any], tell: Tell, work: Callable[[Listed], None]) -> bool:
    """Do something with each file of a backup for some seconds; `state["at"]` tells where to go on."""
    total = opened.manifest.media.files if opened.manifest.media else 0
    until = time.monotonic() + PIECE_SECONDS
    with listed(opened) as files:
        for one in islice(files, state.setdefault("at", 0), None):
            work(one)
            state["at"] += 1
            tell("media", state["at"], total)
            if time.monotonic() > until:
                return False
    return True


def _fault(opened: OpenBackup, file: Path, one: Listed) -> str:
    size = _size(file)
    if size is None:
        return one.missing
    if not opened.is_sealed and size != one.size:
        return said("the file {name} has another size", name=one.location)
    if not opened.is_sealed and one.sha256 is None:
        return ""
    seen = Hashing()
    try:
        opened.pour_file(file, seen)
    except BackupError:
        return one.damaged
    return "" if seen.is_as(one.size, one.sha256) else one.damaged


def put_back_some(opened: OpenBackup, state: dict[str, Any], tell: Tell) -> bool:
    """Put files of a backup into the store, unless they are there, for some seconds; True when none are left.

    How many the backup lacks is in `state["lost"]`.
    """
    store, pool = media_store(), opened.stored.folder.parent / POOL
    state.setdefault("lost", 0)

    def put(one: Listed) -> None:
        if store.size(one.location) != one.size:
            store.delete(one.location)
            state["lost"] += not _put(opened, pool / one.name, one, store)

    return _for_some(opened, state, tell, put)


def _put(opened: OpenBackup, file: Path, one: Listed, store: MediaStore) -> bool:
    """Put a file into the store; False when it is not there, or not as it was."""
    try:
        with _plain(opened, file) as source:
            staged = store.stage(source, one.location)
    except (BackupError, FileNotFoundError):
        return False
    if staged.size != one.size or one.sha256 not in (None, staged.digest.hex()):
        staged.discard()
        return False
    staged.keep()
    return True


def _plain(opened: OpenBackup, file: Path) -> IO[bytes]:
    if not opened.is_sealed:
        return file.open("rb")
    plain = _scratch()
    opened.pour_file(file, plain)
    plain.seek(0)
    return plain


def prune(root: Path) -> int:
    """Remove files that belong to no backup, and to none that is being made; how many."""
    pool = root / POOL
    kept: set[str] = set()
    for folder in [*(root.iterdir() if root.is_dir() else []), *work_folders()]:
        kept.update(one.name for one in media_list.pooled_of(folder))
        kept.update(media_list.wanted_names(folder))
    removed = 0
    for folder_name, _, names in os.walk(pool):
        for name in names:
            file = Path(folder_name) / name
            if file.relative_to(pool).as_posix() not in kept:
                file.unlink(missing_ok=True)
                removed += 1
    return removed
