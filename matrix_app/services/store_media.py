"""Putting files into the store, and what they are into the database."""

from __future__ import annotations

import shutil
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


def stage(given: GivenFile) -> tuple[FileFacts, Staged]:
    """Copy a file to where the store is; `keep` or `discard` has to follow."""
    sample = given.file.read(SAMPLE)
    given.file.seek(0)
    staged = media_store().stage(given.file, new_location(CONTENT))
    content_type = served_type(clean_type(given.content_type), sample)
    return FileFacts(staged.digest, staged.size, content_type, clean_name(given.file_name)), staged


def keep(staged: Staged) -> None:
    """Put a staged file into the store, inside the transaction that stores what it is.

    What is in the store already is not put there twice. Raises `Forbidden` for a file that is blocked.
    """
    if media_files.is_blocked(staged.digest):
        raise Forbidden("This file is blocked on this server")
    if media_files.lock(staged.digest, staged.size, now_ms(), staged.location) == staged.location:
        staged.keep()
