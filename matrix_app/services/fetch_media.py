"""Media of other servers: fetched when they are first asked for, and then kept in the store."""

from __future__ import annotations

from concurrent.futures import Future
from contextlib import suppress
from typing import IO, Protocol

from django.conf import settings
from django.utils.module_loading import import_string

from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden
from matrix_app.protocol.ids import Mxc
from matrix_app.services.fetches import Fetch, RemoteFile, fetches
from matrix_app.services.store_media import GivenFile, keep, staged_file
from matrix_app.storage import db, interning, media
from matrix_app.storage.clock import now_ms


class RemoteMedia(Protocol):
    """What the federation layer does to get media of other servers."""

    def download(self, mxc: Mxc, into: IO[bytes], wait_ms: int) -> Future[RemoteFile]:
        """Have a file written to `into`; fails with `MatrixError`."""
        ...

    def thumbnail(self, mxc: Mxc, into: IO[bytes], query: dict[str, str]) -> Future[RemoteFile]:
        """Have a thumbnail that the other server draws written to `into`; fails with `MatrixError`."""
        ...


def remote_media() -> RemoteMedia:
    """The layer above."""
    found: RemoteMedia = import_string(settings.REMOTE_MEDIA)
    return found


def fetch_media(mxc: Mxc, wait_ms: int) -> Future[None]:
    """Fetch what is not here; once the future is done, it is in the database, or there is an error.

    Raises what came of it a short time ago, when that was an error.
    """
    return fetches().start(
        Fetch(
            mxc,
            lambda file: remote_media().download(mxc, file, wait_ms),
            lambda given: _store(mxc, given),
        )
    )


def _store(mxc: Mxc, given: GivenFile) -> None:
    """Keep what was fetched. Of a file that is blocked nothing is kept but which one it is."""
    authenticated = get_config().media.require_login
    with staged_file(given) as (facts, copy), db.write():
        # Where it is blocked, the entry alone says that it need not be fetched again.
        with suppress(Forbidden):
            keep(copy)
        server_nid = interning.server_nid(mxc.server_name)
        media.insert(server_nid, mxc.media_id, None, facts, now_ms(), authenticated=authenticated)
