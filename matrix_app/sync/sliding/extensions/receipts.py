"""Receipts (MSC3960): of rooms that are new, those on the events that are shown and the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matrix_app.storage import events, receipts, rooms
from matrix_app.storage.events import EventRow
from matrix_app.storage.receipts import ReceiptRow
from matrix_app.sync.sliding.extensions.scope import START
from matrix_app.sync.sliding.request import SlidingRequest

# Of how many events of a room receipts are told that the client has not been told of with the events.
_LATEST = 20


def tell(
    request: SlidingRequest, starts: Mapping[int, int], shown: Mapping[int, list[EventRow]]
) -> dict[str, Any]:
    """What is new in rooms, each from its start on; `shown` are all events that the client has of a room."""
    rows: list[ReceiptRow] = []
    new = [nid for nid, start in starts.items() if start == START]
    if new:
        rows += _of_new(request, new, shown)
    by_start: dict[int, list[int]] = {}
    for nid, start in starts.items():
        if start != START:
            by_start.setdefault(start, []).append(nid)
    for start, nids in by_start.items():
        rows += receipts.in_rooms(nids, start, request.upto, request.user_nid)
    told = {
        rooms.by_nid(nid).room_id: {"type": "m.receipt", "content": content}
        for nid, content in receipts.contents(rows).items()
    }
    return {"rooms": told} if told else {}


def _of_new(
    request: SlidingRequest, nids: list[int], shown: Mapping[int, list[EventRow]]
) -> list[ReceiptRow]:
    rows = receipts.own_in_rooms(request.user_nid, nids)
    latest = {nid: shown[nid] for nid in nids if nid in shown}
    # Rooms that the client has, but without receipts until now.
    earlier = [nid for nid in nids if nid not in shown]
    if earlier:
        latest.update(events.timelines(earlier, request.upto, _LATEST))
    event_nids = {row.nid for found in latest.values() for row in found}
    # Nobody has read an event before it came.
    first = {nid: min(row.position or 0 for row in found) for nid, found in latest.items() if found}
    if first:
        found = receipts.in_rooms_from(first, request.upto, request.user_nid)
        rows += [row for row in found if row.event_nid in event_nids and row.user_nid != request.user_nid]
    return rows
