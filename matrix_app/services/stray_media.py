"""Files in the store that nothing refers to: what is left when a process ends in the middle of an upload."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

import structlog

from matrix_app.media.store import StoredFile, media_store
from matrix_app.storage import media_files
from matrix_app.storage.clock import now_ms

BATCH: Final = 500
# A younger one may still be on its way.
YOUNG_MS: Final = 24 * 3_600_000

_log = structlog.get_logger("matrix_app.media")


class Strays(NamedTuple):
    """How many there were, and how large they were together, in bytes."""

    files: int
    size: int


def remove_strays(older_than_ms: int = YOUNG_MS) -> Strays:
    """Remove files from the store that are older than that and that nothing refers to."""
    before = now_ms() - older_than_ms
    old = (file for file in media_store().files() if file.written_ts < before)
    count = size = 0
    while batch := list(islice(old, BATCH)):
        for file in _unused(batch):
            media_store().delete(file.location)
            count, size = count + 1, size + file.size
    if count:
        _log.warning("removed files that nothing referred to from the media store", files=count, bytes=size)
    return Strays(count, size)


def _unused(files: list[StoredFile]) -> Iterator[StoredFile]:
    used = media_files.are_used([file.location for file in files])
    return (file for file in files if file.location not in used)
