"""Keeping thumbnails in the store, beside the files that they are made of."""

from __future__ import annotations

from typing import IO, Final

from matrix_app.protocol.errors import NotFound
from matrix_app.services.remove_files import remove_soon
from matrix_app.services.store_media import staged
from matrix_app.storage import db, media_files
from matrix_app.storage.clock import now_ms
from matrix_app.storage.media_files import Outcome, ThumbnailRow

THUMBNAILS: Final = "thumbnails"


def keep_thumbnail(sha256: bytes, name: str, content_type: str, target: IO[bytes]) -> ThumbnailRow:
    """Keep a thumbnail; raises `NotFound` when the file that it is made of has been removed meanwhile."""
    with staged(target, THUMBNAILS) as copy, db.write():
        row = ThumbnailRow(Outcome.MADE, content_type, copy.size, now_ms(), copy.location)
        _put(sha256, name, row)
        copy.keep()
    return row


def note_outcome(sha256: bytes, name: str, outcome: Outcome, content_type: str) -> ThumbnailRow:
    """Remember that there is nothing to keep; raises `NotFound` as `keep_thumbnail` does."""
    row = ThumbnailRow(outcome, content_type, 0, now_ms(), "")
    with db.write():
        _put(sha256, name, row)
    return row


def _put(sha256: bytes, name: str, row: ThumbnailRow) -> None:
    if not media_files.hold(sha256):
        raise NotFound("Not found")
    before = media_files.put_thumbnail(sha256, name, row)
    if before:
        remove_soon([before])
