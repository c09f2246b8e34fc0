"""Receipts (MSC3960): of rooms that are new, those on the events that are shown and the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matrix_app.storage import receipts, rooms
from matrix_app.storage.receipts import ReceiptRow
from matrix_app.sync.sliding.extensions.scope import START
from matrix_app.sync.sliding.request import SlidingRequest
from matrix_app.sync.v2.timeline import Timeline


def tell(
    request: SlidingRequest, starts: Mapping[int, int], timelines: Mapping[int, Timeline]
) -> dict[str, Any]:
    """What is new in rooms, each from its start on."""
    rows: list[ReceiptRow] = []
    new = [nid for nid, start in starts.items() if start == START]
    if new:
        rows += _of_new(request, new, timelines)
    by_start: dict[int, list[int]] = {}
    for nid, start in starts.items():
        if start != START:
            by_start.setdefault(start, []).append(nid)
    for start, nids in by_start.items():
        rows += receipts.in_rooms(nids, start, request.upto, request.user_nid)
    shown = {
        rooms.by_nid(nid).room_id: {"type": "m.receipt", "content": content}
        for nid, content in receipts.contents(rows).items()
    }
    return {"rooms": shown} if shown else {}


def _of_new(request: SlidingRequest, nids: list[int], timelines: Mapping[int, Timeline]) -> list[ReceiptRow]:
    rows = receipts.own_in_rooms(request.user_nid, nids)
    events = {row.nid for nid in nids if nid in timelines for row in timelines[nid].rows}
    # Nobody has read an event before it came.
    first = {
        nid: timelines[nid].rows[0].position or 0 for nid in nids if nid in timelines and timelines[nid].rows
    }
    if first:
        found = receipts.in_rooms_from(first, request.upto, request.user_nid)
        rows += [row for row in found if row.event_nid in events and row.user_nid != request.user_nid]
    return rows
