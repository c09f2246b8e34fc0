"""Finding what an `mxc://` URI stands for, here or on the server that has it."""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import IO, Final, NamedTuple

from appliance.config import get_config
from matrix_app.media.store import media_store
from matrix_app.protocol.errors import NotFound, NotYetUploaded
from matrix_app.protocol.ids import Mxc
from matrix_app.services.awaited import Awaited
from matrix_app.services.fetch_media import fetch_media
from matrix_app.services.remove_files import remove_soon
from matrix_app.storage import db, media, media_files
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.media import MediaRow

DEFAULT_WAIT_MS: Final = 20_000
MOST_WAIT_MS: Final = 60_000
_LOOK_EVERY_SECONDS: Final = 0.25
# How exactly it is known when something was last asked for.
_USE_MS: Final = 6 * 3_600_000


class FoundMedia(NamedTuple):
    """Something that has been uploaded, and may be served."""

    mxc: Mxc
    sha256: bytes
    size: int
    content_type: str
    file_name: str | None
    location: str

    @property
    def is_local(self) -> bool:
        """Whether it was uploaded here."""
        return self.mxc.server_name == local_server_name()

    def open(self, offset: int = 0, length: int | None = None) -> IO[bytes]:
        """A part of the file; raises `NotFound` when it has been lost."""
        try:
            return media_store().open(self.location, offset, length)
        except FileNotFoundError as error:
            _forget_file(self.sha256)
            raise NotFound("The file has been lost") from error


def _forget_file(sha256: bytes) -> None:
    """Have what is lost fetched again, where it is another server's, or taken again when it is uploaded."""
    with db.write():
        remove_soon(media_files.remove(sha256))


class Wish(NamedTuple):
    """How long to wait for what has not been uploaded yet, and whether other servers may be asked."""

    wait_ms: int = DEFAULT_WAIT_MS
    allow_remote: bool = True
    # For administrators, who have to see what they judge.
    even_quarantined: bool = False


def find_media(mxc: Mxc, wish: Wish) -> FoundMedia | Awaited[FoundMedia]:
    """What may be served to users and servers; fetched from its server when it is not here yet.

    Waits for what has not been uploaded. Raises `NotFound`, `NotYetUploaded`, or what came of the fetching.
    """
    return _find(mxc, wish, time.monotonic() + min(wish.wait_ms, MOST_WAIT_MS) / 1000)


def find_media_without_login(mxc: Mxc, wish: Wish) -> FoundMedia | Awaited[FoundMedia]:
    """What may be served to anybody.

    That is what was here before authenticated media, as long as the configuration lets it be served so.
    """
    config = get_config().media
    row = media.find(*mxc) if config.unauthenticated_downloads else None
    if row is None and config.unauthenticated_downloads and not config.require_login:
        return find_media(mxc, wish)
    # "any media uploaded after (or during) the freeze SHOULD only be accessible through the new,
    # authenticated, endpoints"
    if row is None or row.authenticated:
        raise NotFound("Not found")
    return find_media(mxc, wish._replace(allow_remote=not config.require_login))


def _find(mxc: Mxc, wish: Wish, until: float) -> FoundMedia | Awaited[FoundMedia]:
    row = media.find(*mxc)
    if row is not None and _is_pending(row):
        if time.monotonic() >= until:
            raise NotYetUploaded("The content has not been uploaded yet")
        return Awaited(_LOOK_EVERY_SECONDS, lambda: _find(mxc, wish, until))
    if mxc.server_name != local_server_name() and wish.allow_remote and _can_be_fetched(row):
        fetched = fetch_media(mxc, wish.wait_ms)
        return Awaited(fetched, lambda: _fetched(mxc, fetched))
    return _served(mxc, row, even_quarantined=wish.even_quarantined)


def _fetched(mxc: Mxc, fetched: Future[None]) -> FoundMedia:
    fetched.result()
    return _served(mxc, media.find(*mxc))


def _can_be_fetched(row: MediaRow | None) -> bool:
    """Whether it is not here, and nobody has said that it should not be."""
    return row is None or (row.size is None and row.quarantined_ts is None and row.blocked_ts is None)


def _is_pending(row: MediaRow) -> bool:
    return row.sha256 is None and row.expires_ts is not None and row.expires_ts > now_ms()


def _served(mxc: Mxc, row: MediaRow | None, *, even_quarantined: bool = False) -> FoundMedia:
    if row is None:
        raise NotFound("Not found")
    if not even_quarantined and (row.quarantined_ts is not None or row.blocked_ts is not None):
        raise NotFound("Not found")
    if row.sha256 is None or row.size is None or row.location is None:
        raise NotFound("Not found")
    if row.last_used_ts < now_ms() - _USE_MS:
        with db.write():
            media.mark_used(row.nid, now_ms())
    return FoundMedia(mxc, row.sha256, row.size, row.content_type, row.file_name, row.location)
