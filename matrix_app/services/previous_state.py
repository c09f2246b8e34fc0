"""The state event that each of some state events replaced, for `unsigned`."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from matrix_app.services.event_json import event_content
from matrix_app.services.visibility import filter_visible
from matrix_app.storage import events, interning, state_entries
from matrix_app.storage.events import EventRow


def find_previous(rows: Sequence[EventRow], viewer_nid: int | None) -> dict[int, bytes]:
    """By event nid: `replaces_state`, and `prev_content` where the viewer (None for everybody) may see it.

    With the content goes `prev_sender`, which is not specified, but told by other servers since long ago.
    """
    changed = {
        row.nid: (row.state_nid, row.key_nid)
        for row in rows
        if row.key_nid is not None and row.state_nid is not None
    }
    if not changed:
        return {}
    found = state_entries.find(changed.values())
    previous = events.rows_by_nid(set(found.values()))
    shown = list(previous.values())
    if viewer_nid is not None:
        shown = filter_visible(shown, viewer_nid)
    visible = {row.nid: row for row in shown}
    return {
        nid: _entry(previous[before], visible.get(before))
        for nid, place in changed.items()
        if (before := found.get(place)) is not None and before in previous and before != nid
    }


def _entry(previous: EventRow, visible: EventRow | None) -> bytes:
    entry = b',"replaces_state":' + orjson.dumps(previous.event_id)
    if visible is None:
        return entry
    sender = orjson.dumps(interning.user_id_of(visible.sender_nid))
    return entry + b',"prev_sender":' + sender + b',"prev_content":' + event_content(visible)
