"""Where the bytes of media are kept, by the SHA-256 of what they are."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import IO, Protocol

from appliance.config import get_config


class Staged(Protocol):
    """A file that has been written in full, but is not in the store yet."""

    digest: bytes
    size: int

    def keep(self, name: str) -> None:
        """Put it into the store, in place of one of the same name. Quick enough for a transaction."""
        ...

    def discard(self) -> None:
        """Remove it, unless it was kept; allowed at any time."""
        ...


class MediaStore(Protocol):
    """Keeps files by names that are made of letters, digits, `.`, `-` and `/`."""

    def stage(self, source: IO[bytes]) -> Staged:
        """Copy a file to where the store is, from its present position on, with bounded memory."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """A file that can be sought in and has a file number; raises `FileNotFoundError`."""
        ...

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""
        ...

    def delete_below(self, folder: str) -> None:
        """Remove all files whose names begin with `folder` and a slash."""
        ...


def media_store() -> MediaStore:
    """The store of the configuration."""
    return _folder_store(get_config().media.dir)


@lru_cache(maxsize=1)
def _folder_store(folder: Path) -> MediaStore:
    from matrix_app.media.folder import FolderStore

    return FolderStore(folder)


def content_name(digest: bytes) -> str:
    """The name of a file's bytes in the store."""
    return _by_digest("content", digest)


def thumbnails_name(digest: bytes) -> str:
    """The folder of a file's thumbnails in the store."""
    return _by_digest("thumbnails", digest)


def _by_digest(folder: str, digest: bytes) -> str:
    text = digest.hex()
    return f"{folder}/{text[:2]}/{text[2:4]}/{text[4:]}"
