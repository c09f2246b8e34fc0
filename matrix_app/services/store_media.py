"""Putting files into the store, and what they are into the database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, NamedTuple

from appliance.config import get_config
from matrix_app.media.content_types import clean_type, served_type
from matrix_app.media.disposition import clean_name
from matrix_app.media.sniff import SAMPLE
from matrix_app.media.store import Staged, media_store, new_location
from matrix_app.protocol.errors import Forbidden, Unavailable
from matrix_app.storage import media_files
from matrix_app.storage.clock import now_ms
from matrix_app.storage.media import FileFacts

CONTENT = "content"


class GivenFile(NamedTuple):
    """Bytes, and what is said of them."""

    file: IO[bytes]
    content_type: str | None
    file_name: str | None


def refuse_without_space(size: int = 0) -> None:
    """Raise `Unavailable` when the disk would be too full after `size` bytes more."""
    config = get_config()
    if not config.media.keep_free_bytes:
        return
    if shutil.disk_usage(config.server.data_dir).free - size < config.media.keep_free_bytes:
        raise Unavailable("The server has no space left for media")


@contextmanager
def staged_file(given: GivenFile) -> Iterator[tuple[FileFacts, Staged]]:
    """A file that has been copied to where the store is, and what it is. It goes unless it is kept inside."""
    sample = given.file.read(SAMPLE)
    given.file.seek(0)
    with staged(given.file, CONTENT) as copy:
        content_type = served_type(clean_type(given.content_type), sample)
        yield FileFacts(copy.digest, copy.size, content_type, clean_name(given.file_name)), copy


@contextmanager
def staged(file: IO[bytes], folder: str) -> Iterator[Staged]:
    """A file that has been copied to where the store is; it goes unless it is kept inside."""
    copy = media_store().stage(file, new_location(folder))
    try:
        yield copy
    except BaseException:
        # The transaction that kept it has most likely been undone.
        if not copy.is_kept or not media_files.are_used([copy.location]):
            copy.discard()
        raise
    if not copy.is_kept:
        copy.discard()


def keep(copy: Staged) -> None:
    """Put a staged file into the store, inside the transaction that stores what it is.

    What is in the store already is not put there twice. Raises `Forbidden` for a file that is blocked.
    """
    if media_files.is_blocked(copy.digest):
        raise Forbidden("This file is blocked on this server")
    if media_files.lock(copy.digest, copy.size, now_ms(), copy.location) == copy.location:
        copy.keep()
