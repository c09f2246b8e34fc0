"""Turns the events of a sync into JSON, all rooms at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from orjson import Fragment

from matrix_app.protocol.event_fields import projection_of
from matrix_app.services.event_view import render_events, render_state
from matrix_app.storage import events
from matrix_app.storage.events import EventRow
from matrix_app.sync import memo
from matrix_app.sync.v2 import windows
from matrix_app.sync.v2.request import SyncRequest
from matrix_app.sync.v2.timeline import Timeline


class Renderer:
    """Renders timelines and state; `add` first, so that events are read and bundled together."""

    def __init__(self, request: SyncRequest) -> None:
        self._request = request
        self._timeline: dict[int, Any] = {}
        self._state: dict[int, Any] = {}
        chosen = request.filter
        self._may_share = chosen.event_fields is None and chosen.event_format == "client"
        self.state_key = request.state_section

    def add(self, timelines: Iterable[Timeline], state_rows: Mapping[int, EventRow]) -> None:
        """Render the events of timelines and of state."""
        request = self._request
        rows = []
        for timeline in timelines:
            plain = windows.plain(timeline, request.user_nid) if self._may_share else None
            if plain is None:
                rows.extend(timeline.rows)
            else:
                self._timeline[timeline.rows[0].nid] = plain
        viewer, device = request.user_nid, request.requester.device_nid
        if rows:
            made = render_events(
                rows,
                viewer_nid=viewer,
                device_nid=device,
                include_room_id=False,
                ignored=memo.ignored_users(viewer),
            )
            self._timeline.update(
                (row.nid, self._finished(row, event)) for row, event in zip(rows, made, strict=True)
            )
        if state_rows:
            made = render_state(
                list(state_rows.values()), viewer_nid=viewer, device_nid=device, include_room_id=False
            )
            self._state.update(
                (row.nid, self._finished(row, event))
                for row, event in zip(state_rows.values(), made, strict=True)
            )

    def _finished(self, row: EventRow, event: bytes) -> Any:
        chosen = self._request.filter
        if chosen.event_format == "federation":
            event = orjson.dumps({**events.parse(row).pdu, **_of_client(event)})
        projection = projection_of(chosen.event_fields)
        return Fragment(event) if projection is None else projection.apply(orjson.loads(event))

    def timeline(self, timeline: Timeline) -> dict[str, Any]:
        """The `timeline` of a room."""
        return {
            "events": [self._timeline[row.nid] for row in timeline.rows],
            "limited": timeline.limited,
            "prev_batch": timeline.prev_batch,
        }

    def state(self, nids: Iterable[int], rows: Mapping[int, EventRow]) -> list[Any]:
        """The events of a `state` section."""
        return [self._state[nid] for nid in nids if nid in rows]


def _of_client(event: bytes) -> dict[str, Any]:
    """What the federation format has besides the PDU."""
    found = orjson.loads(event)
    return {key: found[key] for key in ("event_id", "content", "unsigned")}
