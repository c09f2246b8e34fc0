"""Taking a backup that is one file apart, into the folder of backups. The file may be anything.

What must be known for the next step is in `state`, which is JSON; another process can go on.
"""

from __future__ import annotations

import os
import re
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, Final

from appliance.backup import layout
from appliance.backup.database_copy import check_space
from appliance.backup.errors import BackupError
from appliance.backup.layout import ID, POOL, Stored
from appliance.backup.manifest import FILE, Manifest, parse_manifest
from appliance.backup.media_list import POOL_NAME
from appliance.backup.remote.download import check_part
from appliance.backup.single_file import BLOCK, padded
from appliance.backup.streams import copy_exactly
from appliance.config import get_config
from appliance.telling import Tell
from matrix_app.protocol.said import said

State = dict[str, Any]
STEP_SECONDS: Final = 10.0
_MOST_MANIFEST: Final = 4 << 20
_MANIFEST: Final = ".manifest.json"
_FIRST: Final = re.compile(rf"({ID.pattern})/{re.escape(FILE)}")


def new_unpacking(file: Path) -> State:
    """The state of work that has not begun."""
    return {"file": str(file), "at": 0, "backup": ""}


def unpack(file: Path, tell: Tell) -> Stored:
    """Take a file apart in this process."""
    state = new_unpacking(file)
    while not unpack_step(state, tell):
        continue
    return layout.find_backup(get_config().backup.dir, state["backup"])


def unpack_step(state: State, tell: Tell, seconds: float = STEP_SECONDS) -> bool:
    """Do the next piece, of some seconds; True when the backup is in the folder.

    Raises `BackupError` for what is no backup, or not a whole one.
    """
    root, file = get_config().backup.dir, Path(state["file"])
    try:
        with layout.locked(root), file.open("rb") as stream:
            total = file.stat().st_size
            if not state["backup"]:
                check_space(root, total)
            return _unpack_some(root, state, stream, seconds, lambda: tell("unpack", state["at"], total))
    except tarfile.TarError as fault:
        raise BackupError(said("This is not a backup, or it is damaged: {fault}", fault=fault)) from fault
    except OSError as fault:
        raise BackupError(said("The file cannot be taken apart: {fault}", fault=fault)) from fault


def _unpack_some(
    root: Path, state: State, stream: IO[bytes], seconds: float, tick: Callable[[], None]
) -> bool:
    until = time.monotonic() + seconds
    while True:
        stream.seek(state["at"])
        member = _header(stream)
        if member is None:
            return _finish(root, state)
        _take(root, state, member, stream)
        state["at"] += BLOCK + padded(member.size)
        tick()
        if time.monotonic() > until:
            return False


def _header(stream: IO[bytes]) -> tarfile.TarInfo | None:
    """What comes next; None at the end. Nothing is believed but plain files under short names."""
    block = stream.read(BLOCK)
    if len(block) == BLOCK and not any(block):
        return None
    member = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    if member.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or member.size < 0:
        raise BackupError(said("This is not a backup: {name} is not a file", name=repr(member.name[:100])))
    return member


def draft_of(root: Path, state: State) -> Path:
    """Where what has been taken out lies until it is whole."""
    return root / f".{state['backup']}.unpack"


def _take(root: Path, state: State, member: tarfile.TarInfo, stream: IO[bytes]) -> None:
    if not state["backup"]:
        _begin(root, state, member, stream)
        return
    manifest = _manifest(root, state)
    folder, _, name = member.name.partition("/")
    if folder == manifest.id and name in manifest.parts:
        if member.size != manifest.parts[name].size:
            raise BackupError(said("{name} has another size than the manifest says", name=name))
        _write(draft_of(root, state) / name, member, stream)
    elif folder == POOL and POOL_NAME.fullmatch(name):
        _add_to_pool(root / POOL / name, member, stream)
    else:
        raise BackupError(said("This is not a backup: it has a file {name}", name=repr(member.name[:100])))


def _begin(root: Path, state: State, member: tarfile.TarInfo, stream: IO[bytes]) -> None:
    """Read the manifest, which comes first."""
    found = _FIRST.fullmatch(member.name)
    if found is None or member.size > _MOST_MANIFEST:
        raise BackupError("This is not a backup: it does not begin with a manifest")
    data = stream.read(member.size)
    manifest = parse_manifest(data, member.name)
    if manifest.id != found[1]:
        raise BackupError("This is not a backup: its manifest is that of another one")
    here = root / manifest.id / FILE
    if here.is_file() and here.read_bytes() != data:
        raise BackupError(said("There is another backup of the name {id} here", id=manifest.id))
    state["backup"] = manifest.id
    draft_of(root, state).mkdir(mode=0o700, exist_ok=True)
    (draft_of(root, state) / _MANIFEST).write_bytes(data)


def _manifest(root: Path, state: State) -> Manifest:
    try:
        return parse_manifest((draft_of(root, state) / _MANIFEST).read_bytes(), state["backup"])
    except FileNotFoundError:
        raise BackupError("What was taken out of the file has been removed") from None


def _write(file: Path, member: tarfile.TarInfo, stream: IO[bytes]) -> None:
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target:
        if not copy_exactly(_Member(stream, member.size), target, member.size):
            raise BackupError("The file ends too early: it was not copied in full")
        target.flush()
        os.fsync(target.fileno())


class _Member:
    """So many bytes of a stream."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream = stream
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        """At most so many bytes; none at the end."""
        chunk = self._stream.read(min(self._left, self._left if size < 0 else size))
        self._left -= len(chunk)
        return chunk


def _add_to_pool(target: Path, member: tarfile.TarInfo, stream: IO[bytes]) -> None:
    if target.is_file() and target.stat().st_size == member.size:
        return
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = target.with_name(f".{target.name}.draft")
    try:
        _write(draft, member, stream)
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)


def _finish(root: Path, state: State) -> bool:
    if not state["backup"]:
        raise BackupError("This is not a backup: it is empty")
    draft, manifest = draft_of(root, state), _manifest(root, state)
    for name in manifest.parts:
        if not (draft / name).is_file():
            raise BackupError(said("The file ends too early: {name} is missing", name=name))
        check_part(draft / name, manifest, name)
    if (root / manifest.id / FILE).is_file():
        layout.remove_folder(draft)
        return True
    (draft / _MANIFEST).rename(draft / FILE)
    layout.sync_folder(draft)
    draft.rename(root / manifest.id)
    layout.sync_folder(root)
    return True
