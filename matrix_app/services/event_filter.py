"""Filters of events applied to stored ones."""

from __future__ import annotations

from collections.abc import Sequence

from matrix_app.protocol.filters import RoomEventFilter, matcher_of
from matrix_app.storage import children, events, interning
from matrix_app.storage.events import EventRow


def passing(rows: Sequence[EventRow], wanted: RoomEventFilter, room_id: str) -> list[EventRow]:
    """Those of the events of a room that a filter wants, in their order."""
    if not rows or wanted.blocks_everything() or not wanted.wants_room(room_id):
        return []
    return matching(rows, wanted)


def matching(rows: Sequence[EventRow], wanted: RoomEventFilter) -> list[EventRow]:
    """Those of the events, of any rooms, which a filter wants but for the rooms that it names."""
    if wanted.passes_everything():
        return list(rows)
    matcher = matcher_of(wanted)
    senders = interning.user_ids({row.sender_nid for row in rows})
    needs_content = wanted.contains_url is not None
    chosen = [
        row
        for row in rows
        if matcher.matches(
            type=row.type,
            sender=senders[row.sender_nid],
            content=_content(row) if needs_content else None,
        )
    ]
    return related_to(chosen, wanted)


def _content(row: EventRow) -> dict[str, object]:
    # A redacted event has no `url` left.
    return {} if row.redacted_by_nid is not None else events.parse(row).content


def related_to(rows: list[EventRow], wanted: RoomEventFilter) -> list[EventRow]:
    """Those of the events which others relate to as the filter asks; all where it does not ask."""
    if wanted.related_by_rel_types is None and wanted.related_by_senders is None:
        return rows
    senders = None
    if wanted.related_by_senders is not None:
        senders = list(interning.user_nids(wanted.related_by_senders).values())
    ids = [row.event_id for row in rows]
    parents = children.parents_among(ids, wanted.related_by_rel_types, senders)
    return [row for row in rows if row.event_id in parents]
