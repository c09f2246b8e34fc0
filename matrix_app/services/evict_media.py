"""What the schedule removes of media: what nobody uploaded, and what has not been used for long."""

from __future__ import annotations

from typing import Final

import structlog

from appliance.config import get_config
from matrix_app.services.audit import HEARTH
from matrix_app.services.keep_previews import forget_previews
from matrix_app.services.remove_files import remove_late_files
from matrix_app.services.remove_media import BATCH, Removed, remove_all, remove_entries, remove_old
from matrix_app.storage import db, interning, media_sweep
from matrix_app.storage.clock import now_ms
from matrix_app.storage.local_server import local_server_name
from matrix_app.storage.media_sweep import Old

DAY_MS: Final = 24 * 3_600_000
_FAR: Final = 1 << 62

_log = structlog.get_logger("matrix_app.media")


def evict() -> int:
    """Remove all that the configuration says; how many media."""
    config, now = get_config().media, now_ms()
    local_nid = interning.server_nid(local_server_name())
    _fill_sizes()
    removed = [remove_all(lambda: media_sweep.expired(now, BATCH))]
    before = now - config.previews.image_days * DAY_MS
    removed.append(remove_all(lambda: media_sweep.of_previews(local_nid, before, BATCH)))
    if config.remote_days:
        since = now - config.remote_days * DAY_MS
        removed.append(remove_all(lambda: media_sweep.of_others(local_nid, since, BATCH)))
    if config.local_days:
        removed.append(remove_old(HEARTH, Old(now - config.local_days * DAY_MS)))
    removed.append(_make_room(local_nid, config.remote_total_bytes))
    remove_late_files()
    forget_previews()
    count = sum(len(some.media_ids) for some in removed)
    if count:
        _log.info("removed media", media=count, bytes=sum(some.size for some in removed))
    return count


def _fill_sizes() -> None:
    """An older version may have run beside this one while the database was brought up to date."""
    while True:
        with db.write():
            if media_sweep.fill_sizes(BATCH) < BATCH:
                return


def _make_room(local_nid: int, most: int) -> Removed:
    """Remove media of other servers, those unused for longest first, until they take no more than `most`."""
    removed = Removed([], 0)
    while most and (excess := media_sweep.remote_bytes(local_nid) - most) > 0:
        entries = media_sweep.of_others(local_nid, _FAR, BATCH)
        enough = 0
        while enough < len(entries) and excess > 0:
            excess -= entries[enough].size
            enough += 1
        if not enough:
            break
        remove_entries(entries[:enough])
        removed.media_ids.extend(entry.media_id for entry in entries[:enough])
        removed = removed._replace(size=removed.size + sum(entry.size for entry in entries[:enough]))
    return removed
