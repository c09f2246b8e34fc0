"""History that only other servers have: asked for when somebody reads up to where it is missing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.utils.module_loading import import_string

from matrix_app.services.history_page import Page
from matrix_app.storage import extremities
from matrix_app.storage.rooms import RoomIdentity

# Rooms for which others are asked at a time: those who read elsewhere need threads too.
AT_ONCE: Final = 4

_lock = threading.Lock()
_asking: set[int] = set()


def completed(room: RoomIdentity, page: Page) -> bool:
    """Fetch what is missing from a page that was read backwards; whether to read it again."""
    low = page.rows[-1].depth if page.rows and page.end is not None else 0
    if not extremities.gap_between(room.nid, low, page.start.depth):
        return False
    fetch: Callable[[RoomIdentity, int], bool] = import_string(settings.OLDER_HISTORY)
    return _alone(room, lambda: fetch(room, page.start.depth))


def completed_at(room: RoomIdentity, ts: int, *, backwards: bool, known_ts: int | None) -> bool:
    """Fetch the event closest to a time, if one may be missing here that is closer than what is known."""
    if known_ts == ts or not extremities.gap_after(room.nid, ts):
        return False
    fetch: Callable[[RoomIdentity, int, bool, int | None], bool] = import_string(settings.HISTORY_AT_TIME)
    return _alone(room, lambda: fetch(room, ts, backwards, known_ts))


def _alone(room: RoomIdentity, fetch: Callable[[], bool]) -> bool:
    """What `fetch` says; False while others are asked for this room, or for too many."""
    with _lock:
        if room.nid in _asking or len(_asking) >= AT_ONCE:
            return False
        _asking.add(room.nid)
    try:
        return fetch()
    finally:
        with _lock:
            _asking.discard(room.nid)
