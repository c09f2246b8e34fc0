"""Thumbnails that another server draws, of media that this one cannot read."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Final

from matrix_app.media.sniff import SAMPLE, sniff
from matrix_app.media.thumbnail_sizes import LARGEST, ThumbnailSize
from matrix_app.protocol.errors import BadGateway
from matrix_app.protocol.ids import Mxc
from matrix_app.services.fetch_media import remote_media
from matrix_app.services.fetches import Fetch, fetches
from matrix_app.services.store_media import GivenFile
from matrix_app.services.store_thumbnail import keep_thumbnail
from matrix_app.storage.media_files import ThumbnailRow

_PICTURES: Final = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))


def remote_thumbnail(mxc: Mxc, sha256: bytes, size: ThumbnailSize) -> Future[ThumbnailRow]:
    """Have a thumbnail fetched and kept; fails with `MatrixError`."""
    width, height = (size.width, size.height) if size.width else LARGEST
    query = {
        "width": str(width),
        "height": str(height),
        "method": size.method,
        "animated": "true" if size.animated else "false",
    }
    return fetches().start(
        Fetch(
            (mxc, size),
            lambda file: remote_media().thumbnail(mxc, file, query),
            lambda given: _store(sha256, size, given),
        )
    )


def _store(sha256: bytes, size: ThumbnailSize, given: GivenFile) -> ThumbnailRow:
    found = sniff(given.file.read(SAMPLE))
    given.file.seek(0)
    if found not in _PICTURES:
        raise BadGateway("The other server's thumbnail is not a picture")
    return keep_thumbnail(sha256, size.name, found, given.file)
