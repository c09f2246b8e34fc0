"""What a room's members all get when something happens there: read and rendered once.

The events between two positions of the stream never change, so they may be kept; a few windows are,
for the moment in which everybody asks for the same.
"""

from __future__ import annotations

import time

from orjson import Fragment

from matrix_app.services.event_json import event_body, with_unsigned
from matrix_app.storage import events
from matrix_app.storage.cache import ByteCache
from matrix_app.storage.events import EventRow
from matrix_app.sync.v2.timeline import Timeline

_windows: ByteCache[tuple[int, int, int, int], Timeline] = ByteCache("sync_windows", 1 << 20)
# Rendered events, by nid: with the age they had then, which is why they are kept for seconds only.
_rendered: ByteCache[int, tuple[float, Fragment]] = ByteCache("sync_events", 1 << 20)
_KEPT_SECONDS = 2.0
_MEMBER = b',"membership":"join"'


def shared(room_nid: int, after: int, upto: int, limit: int) -> Timeline:
    """The newest events of a room with after < position <= upto, for members without a filter."""
    key = (room_nid, after, upto, limit)
    window = _windows.get(key)
    if window is None:
        newest = events.timeline(room_nid, after, upto, limit + 1)
        kept = list(reversed(newest[:limit]))
        limited = len(newest) > limit
        start = (kept[0].position or 1) - 1 if limited else after
        window = Timeline(kept, limited, start, is_shared=True)
        _windows.put(key, window, 500 + sum(len(row.json) + 300 for row in kept))
    return window


def plain(timeline: Timeline, viewer_nid: int) -> Fragment | None:
    """The only event of a shared window as all but its sender see it; None when it is not so simple.

    One message alone has no relations to it yet, no previous content, and no transaction ID for others.
    """
    if not timeline.is_shared or len(timeline.rows) != 1:
        return None
    row = timeline.rows[0]
    if row.key_nid is not None or row.redacted_by_nid is not None or row.sender_nid == viewer_nid:
        return None
    return _plain(row)


def _plain(row: EventRow) -> Fragment:
    now = time.time()
    kept = _rendered.get(row.nid)
    if kept is not None and now - kept[0] < _KEPT_SECONDS:
        return kept[1]
    age = int(now * 1000) - row.origin_server_ts
    made = Fragment(with_unsigned(event_body(row, include_room_id=False), age, _MEMBER))
    _rendered.put(row.nid, (now, made), len(row.json) + 400)
    return made
