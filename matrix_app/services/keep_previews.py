"""Previews of links that have been made, and their pictures."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final

import orjson

from appliance.config import get_config
from matrix_app.protocol.errors import Forbidden
from matrix_app.protocol.ids import Mxc, ServerName
from matrix_app.services.store_media import GivenFile, keep, staged_file
from matrix_app.storage import db, interning, media, url_previews
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.media import FileFacts

HOUR_MS: Final = 3_600_000
# So long a preview of another hour than the present one can be asked for.
KEPT_MS: Final = 24 * HOUR_MS
BATCH: Final = 1000

Preview = dict[str, Any]


def kept_preview(url: str, ts: int | None) -> Preview | None:
    """The preview of the hour that is asked for, or of the present one."""
    now = now_ms()
    for hour in ((ts if ts is not None else now) // HOUR_MS, now // HOUR_MS):
        content = url_previews.find(_digest(url), hour * HOUR_MS)
        if content is not None:
            found: Preview = orjson.loads(content)
            return found
    return None


def keep_preview(url: str, preview: Preview) -> None:
    """Keep the preview of the present hour."""
    now = now_ms()
    with db.write():
        url_previews.put(_digest(url), now // HOUR_MS * HOUR_MS, orjson.dumps(preview), now + KEPT_MS)


def keep_picture(given: GivenFile) -> tuple[Mxc, FileFacts] | None:
    """Store the picture of a page; None when it is blocked here. The schedule removes it."""
    mxc = Mxc(ServerName(local_server_name()), secrets.token_urlsafe(18))
    authenticated = get_config().media.require_login
    try:
        with staged_file(given) as (facts, copy), db.write():
            keep(copy)
            nid = interning.server_nid(mxc.server_name)
            media.insert(nid, mxc.media_id, None, facts, now_ms(), authenticated=authenticated)
    except Forbidden:
        return None
    return mxc, facts


def forget_previews() -> int:
    """Remove previews whose time is over, and the oldest when there are too many; how many."""
    total = 0
    while True:
        with db.write():
            removed = url_previews.remove_expired(now_ms(), BATCH)
            removed += url_previews.remove_oldest(get_config().media.previews.most_kept, BATCH)
        total += removed
        if removed < BATCH:
            return total


def _digest(url: str) -> bytes:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).digest()
