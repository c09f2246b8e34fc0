"""Thumbnails of what was uploaded: drawn when first asked for, and kept beside the file."""

from __future__ import annotations

import tempfile
from concurrent.futures import Future
from typing import IO, Final, NamedTuple

from appliance.config import get_config
from matrix_app.media.store import media_store
from matrix_app.media.thumbnail_request import Wanted
from matrix_app.media.thumbnail_sizes import ThumbnailSize
from matrix_app.media.thumbnailer import thumbnailer
from matrix_app.protocol.errors import BadRequest, NotFound, TooLarge
from matrix_app.services.awaited import Awaited
from matrix_app.services.find_media import FoundMedia
from matrix_app.services.media_jobs import drawing
from matrix_app.services.remote_thumbnails import remote_thumbnail
from matrix_app.services.store_thumbnail import keep_thumbnail, note_outcome
from matrix_app.storage import db, media_files
from matrix_app.storage.clock import now_ms
from matrix_app.storage.media_files import Outcome, ThumbnailRow

_OUTCOMES: Final = {
    "original": Outcome.ORIGINAL,
    "unsupported": Outcome.UNSUPPORTED,
    "too_large": Outcome.TOO_LARGE,
}
# What could not be drawn is tried again after so long: the server may have been busy, or have learned more.
_RETRY_MS: Final = 24 * 3_600_000


class LostThumbnail(NotFound):
    """A thumbnail that was drawn is not in the store any more."""


class Thumbnail(NamedTuple):
    """A thumbnail in the store; `tag` tells it from others."""

    location: str
    size: int
    content_type: str
    tag: str

    def open(self, offset: int = 0, length: int | None = None) -> IO[bytes]:
        """A part of it; raises `LostThumbnail` when it is not there, after which it can be drawn again."""
        try:
            return media_store().open(self.location, offset, length)
        except FileNotFoundError as error:
            with db.write():
                media_files.forget_thumbnail(self.location)
            raise LostThumbnail("The thumbnail has been lost") from error


def thumbnail(
    found: FoundMedia, size: ThumbnailSize, *, ask_elsewhere: bool = True
) -> Thumbnail | Awaited[Thumbnail]:
    """A thumbnail of a picture, or the picture itself when it is no larger than that.

    What cannot be drawn here, its server may have drawn: it is asked unless `ask_elsewhere` is False.
    Raises `BadRequest` for what is no picture, `TooLarge` for one with too many pixels, and `Unavailable`
    when too many thumbnails are being drawn.
    """
    row = media_files.thumbnail(found.sha256, size.name)
    if row is not None and not _may_be_tried_again(row):
        return _shown(found, size, row)
    drawn = drawing().submit((found.sha256, size.name), lambda: _make(found, size))
    return Awaited(drawn, lambda: _once_drawn(found, size, drawn, ask_elsewhere))


def _once_drawn(
    found: FoundMedia, size: ThumbnailSize, drawn: Future[ThumbnailRow], ask_elsewhere: bool
) -> Thumbnail | Awaited[Thumbnail]:
    row = drawn.result()
    if row.outcome != Outcome.UNSUPPORTED or found.is_local or not ask_elsewhere:
        return _shown(found, size, row)
    # What this server cannot read, such as a film, the other one may have a picture of.
    fetched = remote_thumbnail(found.mxc, found.sha256, size)
    return Awaited(fetched, lambda: _shown(found, size, fetched.result()))


def _shown(found: FoundMedia, size: ThumbnailSize, row: ThumbnailRow) -> Thumbnail:
    if row.outcome == Outcome.MADE:
        return Thumbnail(row.location, row.size, row.content_type, f"{found.sha256.hex()}-{size.name}")
    if row.outcome == Outcome.ORIGINAL:
        return Thumbnail(found.location, found.size, row.content_type, found.sha256.hex())
    if row.outcome == Outcome.TOO_LARGE:
        # "The remote content is too large for the server to thumbnail": 502
        status = 413 if found.is_local else 502
        raise TooLarge("The picture is too large to make a thumbnail of", status=status)
    raise BadRequest("No thumbnail can be made of this", errcode="M_UNKNOWN")


def _may_be_tried_again(row: ThumbnailRow) -> bool:
    failed = row.outcome in (Outcome.UNSUPPORTED, Outcome.TOO_LARGE)
    return failed and row.created_ts < now_ms() - _RETRY_MS


def _make(found: FoundMedia, size: ThumbnailSize) -> ThumbnailRow:
    wanted = Wanted(size.width, size.height, size.method, size.animated, get_config().media.max_pixels)
    with tempfile.TemporaryFile(dir=get_config().server.data_dir) as target:
        try:
            with media_store().local(found.location) as source:
                drawn = thumbnailer().draw(source, target, wanted)
        except FileNotFoundError as error:
            raise NotFound("The file has been lost") from error
        if drawn.verdict != "made":
            # What cannot be drawn costs time: it is not tried again in another size.
            name = size.name if drawn.verdict == "original" else ""
            return note_outcome(found.sha256, name, _OUTCOMES[drawn.verdict], drawn.content_type)
        target.seek(0)
        return keep_thumbnail(found.sha256, size.name, drawn.content_type, target)
