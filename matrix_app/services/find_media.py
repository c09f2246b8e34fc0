"""Finding what an `mxc://` URI stands for, here or on the server that has it."""

from __future__ import annotations

import threading
import time
from functools import lru_cache
from typing import IO, Final, NamedTuple

from appliance.config import get_config
from matrix_app.media.store import content_name, media_store
from matrix_app.protocol.errors import NotFound, NotYetUploaded
from matrix_app.protocol.ids import Mxc
from matrix_app.storage import db, media
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.media import MediaRow

DEFAULT_WAIT_MS: Final = 20_000
MOST_WAIT_MS: Final = 60_000
_LOOK_EVERY_SECONDS: Final = 0.2
# How exactly it is known when something was last asked for.
_USE_MS: Final = 6 * 3_600_000


class FoundMedia(NamedTuple):
    """Something that has been uploaded, and may be served."""

    nid: int
    sha256: bytes
    size: int
    content_type: str
    file_name: str | None
    is_local: bool

    def open(self) -> IO[bytes]:
        """The file."""
        try:
            return media_store().open(content_name(self.sha256))
        except FileNotFoundError as error:
            raise NotFound("The file has been lost") from error


def find_media(mxc: Mxc, *, wait_ms: int) -> FoundMedia:
    """What may be served to users and servers; fetched from its server when it is not here yet.

    Waits for what has not been uploaded. Raises `NotFound`, `NotYetUploaded`, or what came of the fetching.
    """
    is_local = mxc.server_name == local_server_name()
    row = media.find(*mxc)
    if row is not None and row.sha256 is None:
        row = _wait(mxc, row, min(wait_ms, MOST_WAIT_MS))
    return _served(row, is_local)


def find_media_without_login(mxc: Mxc) -> FoundMedia:
    """What was here before authenticated media, as long as the configuration lets it be served so."""
    row = media.find(*mxc) if get_config().media.unauthenticated_downloads else None
    # "any media uploaded after (or during) the freeze SHOULD only be accessible through the new,
    # authenticated, endpoints"
    if row is None or row.authenticated:
        raise NotFound("Not found")
    return _served(row, mxc.server_name == local_server_name())


def _served(row: MediaRow | None, is_local: bool) -> FoundMedia:
    if row is None or row.quarantined_ts is not None or row.blocked_ts is not None:
        raise NotFound("Not found")
    if row.sha256 is None or row.size is None:
        raise NotFound("Not found")
    if row.last_used_ts < now_ms() - _USE_MS:
        with db.write():
            media.mark_used(row.nid, now_ms())
    return FoundMedia(row.nid, row.sha256, row.size, row.content_type, row.file_name, is_local)


@lru_cache(maxsize=1)
def _may_wait() -> threading.BoundedSemaphore:
    """Some of the threads for media stay free while others wait for uploads."""
    return threading.BoundedSemaphore(max(1, get_config().media.threads // 2))


def _wait(mxc: Mxc, row: MediaRow, wait_ms: int) -> MediaRow | None:
    until = time.monotonic() + wait_ms / 1000
    found: MediaRow | None = row
    if _may_wait().acquire(blocking=False):
        try:
            while _is_pending(found) and time.monotonic() < until:
                time.sleep(_LOOK_EVERY_SECONDS)
                found = media.find(*mxc)
        finally:
            _may_wait().release()
    if _is_pending(found):
        raise NotYetUploaded("The content has not been uploaded yet")
    return found


def _is_pending(row: MediaRow | None) -> bool:
    return row is not None and row.sha256 is None and row.expires_ts is not None and row.expires_ts > now_ms()
