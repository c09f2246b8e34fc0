"""Removing from the store what nothing refers to any more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

import structlog

from matrix_app.media.store import media_store
from matrix_app.protocol.errors import StoreRefused, StoreUnavailable
from matrix_app.storage import db, media_removals
from matrix_app.storage.clock import now_ms

BATCH: Final = 200

_log = structlog.get_logger("matrix_app.media")


def remove_soon(locations: Sequence[str]) -> None:
    """Have files removed once the transaction that nothing refers to them any more has been committed."""
    if locations:
        media_removals.put(locations, now_ms())
        db.on_commit(partial(_remove_now, locations))


def _remove_now(locations: Sequence[str]) -> None:
    _remove(locations)


def _remove(locations: Sequence[str]) -> int:
    """Remove files that are in `media_removals`; those that the store cannot remove now stay there."""
    gone: list[str] = []
    try:
        for location in locations:
            media_store().delete(location)
            gone.append(location)
    except (StoreUnavailable, StoreRefused, OSError) as error:
        _log.warning("files could not be removed from the media store", left=len(locations) - len(gone))
        _log.debug("the media store failed", error=str(error))
    if gone:
        with db.write():
            media_removals.forget(gone)
    return len(gone)


def remove_late_files() -> int:
    """Remove what an earlier attempt has left; how many files."""
    total = 0
    while locations := media_removals.some(BATCH):
        removed = _remove(locations)
        total += removed
        if removed < len(locations):
            break
    return total
