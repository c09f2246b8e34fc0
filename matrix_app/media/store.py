"""Where the bytes of media are kept: a folder, or an object store that speaks S3."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import lru_cache
from typing import IO, NamedTuple, Protocol

from appliance.config import get_config
from appliance.config.sections.media import Media


class Staged(Protocol):
    """A file that has been written in full, but that nothing refers to yet."""

    digest: bytes
    size: int
    location: str

    is_kept: bool

    def keep(self) -> None:
        """Let it stay at its location. Quick enough for a transaction."""
        ...

    def discard(self) -> None:
        """Remove it, kept or not; allowed at any time."""
        ...


class StoredFile(NamedTuple):
    """A file in a store: its name, its size in bytes, and when it was written, in ms since the epoch."""

    location: str
    size: int
    written_ts: int


class MediaStore(Protocol):
    """Keeps files by names of letters, digits, `.`, `-`, `_` and `/`.

    All of it raises `StoreUnavailable` when the store cannot be reached, `StoreRefused` when it says no.
    """

    def stage(self, source: IO[bytes], location: str) -> Staged:
        """Copy a file from its present position on, with bounded memory, to a name that nothing has yet."""
        ...

    def open(self, location: str, offset: int = 0, length: int | None = None) -> IO[bytes]:
        """A part of a file, to be read once from its start; raises `FileNotFoundError`."""
        ...

    def local(self, location: str) -> AbstractContextManager[IO[bytes]]:
        """The file as one of this machine, with a file number; raises `FileNotFoundError`."""
        ...

    def size(self, location: str) -> int | None:
        """The size of a file in bytes; None when it is not there."""
        ...

    def delete(self, location: str) -> None:
        """Remove a file, if it is there."""
        ...

    def files(self) -> Iterator[StoredFile]:
        """Every file, in no particular order."""
        ...


def new_location(folder: str) -> str:
    """A name that no file has had."""
    text = secrets.token_hex(20)
    return f"{folder}/{text[:2]}/{text[2:]}"


def media_store() -> MediaStore:
    """The store of the configuration."""
    return store_named(get_config().media.store)


def store_named(name: str) -> MediaStore:
    """The folder or the object store of the configuration, whichever of them is in use."""
    return _made(name, get_config().media)


@lru_cache(maxsize=2)
def _made(name: str, config: Media) -> MediaStore:
    if name == "s3":
        from matrix_app.media.s3 import S3Store, bucket

        return S3Store(bucket(config.s3), config.s3.prefix, get_config().server.data_dir)
    from matrix_app.media.folder import FolderStore

    return FolderStore(config.dir)


# Connections are not for two processes.
os.register_at_fork(after_in_child=_made.cache_clear)
