"""Thumbnails of what was uploaded: drawn when first asked for, and kept beside the file."""

from __future__ import annotations

import tempfile
from typing import IO, Final, NamedTuple

from appliance.config import get_config
from matrix_app.media.store import media_store, thumbnails_name
from matrix_app.media.thumbnail_request import Drawn, Wanted
from matrix_app.media.thumbnail_sizes import ThumbnailSize
from matrix_app.media.thumbnailer import thumbnailer
from matrix_app.protocol.errors import BadRequest, NotFound, TooLarge
from matrix_app.services.find_media import FoundMedia
from matrix_app.storage import db, media_files
from matrix_app.storage.clock import now_ms
from matrix_app.storage.media_files import Outcome, ThumbnailRow

_OUTCOMES: Final = {
    "made": Outcome.MADE,
    "original": Outcome.ORIGINAL,
    "unsupported": Outcome.UNSUPPORTED,
    "too_large": Outcome.TOO_LARGE,
}
# What could not be drawn is tried again after so long: the server may have been busy, or have learned more.
_RETRY_MS: Final = 24 * 3_600_000


class Thumbnail(NamedTuple):
    """An open thumbnail; `tag` tells it from others."""

    file: IO[bytes]
    size: int
    content_type: str
    tag: str


def thumbnail(found: FoundMedia, size: ThumbnailSize) -> Thumbnail:
    """A thumbnail of a picture, or the picture itself when it is no larger than that.

    Raises `BadRequest` for what is no picture and `TooLarge` for one with too many pixels.
    """
    row = media_files.thumbnail(found.sha256, size.name)
    if row is None or _may_be_tried_again(row):
        row = _make(found, size)
    if row.outcome == Outcome.MADE:
        try:
            file = media_store().open(_name(found, size))
        except FileNotFoundError:
            row = _make(found, size)
            file = media_store().open(_name(found, size))
        return Thumbnail(file, row.size, row.content_type, f"{found.sha256.hex()}-{size.name}")
    if row.outcome == Outcome.ORIGINAL:
        return Thumbnail(found.open(), found.size, row.content_type, found.sha256.hex())
    raise _refusal(row, found)


def _refusal(row: ThumbnailRow, found: FoundMedia) -> BadRequest | TooLarge:
    if row.outcome == Outcome.TOO_LARGE:
        # "The remote content is too large for the server to thumbnail": 502
        return TooLarge(
            "The picture is too large to make a thumbnail of", status=413 if found.is_local else 502
        )
    return BadRequest("No thumbnail can be made of this", errcode="M_UNKNOWN")


def _may_be_tried_again(row: ThumbnailRow) -> bool:
    failed = row.outcome in (Outcome.UNSUPPORTED, Outcome.TOO_LARGE)
    return failed and row.created_ts < now_ms() - _RETRY_MS


def _name(found: FoundMedia, size: ThumbnailSize) -> str:
    return f"{thumbnails_name(found.sha256)}/{size.name}"


def _make(found: FoundMedia, size: ThumbnailSize) -> ThumbnailRow:
    with found.open() as source, tempfile.TemporaryFile(dir=get_config().server.data_dir) as target:
        wanted = Wanted(size.width, size.height, size.method, size.animated, get_config().media.max_pixels)
        drawn = thumbnailer().draw(source, target, wanted)
        target.seek(0)
        return _kept(found, size, drawn, target)


def _kept(found: FoundMedia, size: ThumbnailSize, drawn: Drawn, target: IO[bytes]) -> ThumbnailRow:
    outcome = _OUTCOMES[drawn.verdict]
    staged = media_store().stage(target)
    row = ThumbnailRow(outcome, drawn.content_type, staged.size, now_ms())
    try:
        with db.write():
            if not media_files.hold(found.sha256):
                raise NotFound("Not found")  # removed meanwhile
            if outcome == Outcome.MADE:
                staged.keep(_name(found, size))
            media_files.put_thumbnail(found.sha256, size.name, row)
    finally:
        staged.discard()
    return row
