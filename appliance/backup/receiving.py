"""A backup that arrives as one file, in pieces, from a browser: on the disk as it comes, and gone on with.

One file is received at a time; another one takes its place. What nobody goes on with is removed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from appliance.backup.age import Source
from appliance.backup.errors import BackupError
from appliance.backup.layout import write_whole
from appliance.backup.streams import CHUNK
from appliance.config import get_config
from matrix_app.protocol.errors import Conflict, NotFound, TooLarge
from matrix_app.protocol.said import said

_FOLDER: Final = ".received"
_ABOUT: Final = "about.json"
_LOCK: Final = ".received.lock"
# A piece is no larger than a request may be, nor than this.
_MOST_PIECE: Final = 8 << 20
# What stays free on the disk for everything else.
_RESERVE: Final = 256 << 20
ABANDONED_SECONDS: Final = 24 * 3600


class Received(msgspec.Struct, frozen=True):
    """A file that is on its way: its name and size where it comes from, and what tells it from others."""

    name: str
    size: int
    mark: str

    @property
    def file(self) -> Path:
        """Where it lies."""
        return _folder() / f"{self.mark}.tar"

    @property
    def at(self) -> int:
        """How much of it is here."""
        try:
            return self.file.stat().st_size
        except FileNotFoundError:
            return 0

    @property
    def is_whole(self) -> bool:
        """Whether all of it is here."""
        return self.at == self.size


def piece_bytes() -> int:
    """How large the pieces should be."""
    return min(_MOST_PIECE, get_config().web.max_body_bytes)


def most_bytes() -> int:
    """How large a file may be."""
    return get_config().backup.upload_gib << 30


def present() -> Received | None:
    """The file that is on its way, if any."""
    try:
        return msgspec.json.decode((_folder() / _ABOUT).read_bytes(), type=Received)
    except (FileNotFoundError, msgspec.DecodeError):
        return None


def begin(name: str, size: int, changed: int) -> Received:
    """Receive a file, or go on with it where it was left; `changed` is when it was, where it comes from.

    Raises `TooLarge`, and `BackupError` where the disk has no room for it and for what is taken out of it.
    """
    if size > most_bytes():
        raise TooLarge(
            said(
                "A backup may have up to {size} GiB here (backup.upload_gib)",
                size=get_config().backup.upload_gib,
            )
        )
    if size <= 0:
        raise BackupError("The file is empty")
    mark = hashlib.sha256(f"{size} {changed} {name}".encode()).hexdigest()[:32]
    wanted = Received(name[:255], size, mark)
    with _alone():
        if present() != wanted:
            _clear()
        _require_room(2 * size - wanted.at)
        _folder().mkdir(mode=0o700, exist_ok=True)
        write_whole(_folder() / _ABOUT, msgspec.json.encode(wanted))
    return wanted


def add(mark: str, at: int, piece: Source) -> Received:
    """Take a piece that begins at a place; raises `Conflict` where the file is not so far."""
    with _alone():
        found = present()
        if found is None or found.mark != mark:
            raise NotFound("This file is no longer received: choose it again")
        if found.at != at:
            raise Conflict(said("The file is at {at}", at=found.at))
        _append(found, piece)
        return found


def remove() -> None:
    """Remove what has been received, if anything."""
    with _alone():
        _clear()


def remove_abandoned() -> bool:
    """Remove a file that nobody has gone on with for a day; whether there was one."""
    folder = _folder()
    if not folder.is_dir():
        return False
    last = max((path.stat().st_mtime for path in folder.iterdir()), default=0.0)
    if time.time() - last < ABANDONED_SECONDS:
        return False
    remove()
    return True


def _append(found: Received, piece: Source) -> None:
    try:
        with found.file.open("ab") as target:
            left = found.size - found.at
            while chunk := piece.read(CHUNK):
                if len(chunk) > left:
                    raise BackupError("More has come than the file has")
                left -= len(chunk)
                target.write(chunk)
            if not left:
                target.flush()
                os.fsync(target.fileno())
    except OSError as fault:
        raise BackupError(said("The file cannot be stored: {fault}", fault=fault.strerror)) from fault


def _require_room(needed: int) -> None:
    free = shutil.disk_usage(get_config().backup.dir).free - _RESERVE
    if free < needed:
        raise BackupError(
            said(
                "The file and what is taken out of it need {needed} MiB,"
                " and there are {free} MiB free in {folder}",
                needed=needed >> 20,
                free=max(0, free >> 20),
                folder=get_config().backup.dir,
            )
        )


def _folder() -> Path:
    return get_config().backup.dir / _FOLDER


def _clear() -> None:
    shutil.rmtree(_folder(), ignore_errors=True)


@contextmanager
def _alone() -> Iterator[None]:
    root = get_config().backup.dir
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (root / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
