"""Keeping the full-text index: a little at a time, from where it stands, behind the events themselves.

Sending a message does no work for it. Who searches brings it up to date as far as a bound allows, and a
background task does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.search_words import MOST_WORDS, searched_texts, words_of
from matrix_app.storage import db, events, search_index
from matrix_app.storage.events import EventRow, Status
from matrix_app.storage.search_index import Entry

_BATCH: Final = 500
_TYPES: Final = frozenset({"m.room.message", "m.room.name", "m.room.topic"})


def index_pending(most_batches: int = 4) -> bool:
    """Index events that have come since the last time; whether some may still be waiting.

    Each batch is a transaction of its own, so that whoever writes does not wait long.
    """
    for _ in range(most_batches):
        if not search_index.events_after(search_index.progress(), 1):
            return False
        with db.write():
            rows = search_index.events_after(search_index.lock_progress(), _BATCH)
            _index(rows)
        if len(rows) < _BATCH:
            return False
    return True


def _index(rows: Sequence[EventRow]) -> None:
    if not rows:
        return
    search_index.add(entry for row in rows if (entry := _entry(row)) is not None)
    redactions = [row for row in rows if row.type == "m.room.redaction" and row.status == Status.NORMAL]
    if redactions:
        search_index.remove(_redacted_by(redactions))
    search_index.set_progress(rows[-1].nid)


def _entry(row: EventRow) -> Entry | None:
    if row.type not in _TYPES or row.status != Status.NORMAL or row.is_outlier:
        return None
    if row.redacted_by_nid is not None:
        return None
    # Not by the cache of events: this goes through all of them once.
    content = decode_json(bytes(row.json))["content"]
    words = [word for text in searched_texts(row.type, content) for word in words_of(text)]
    return Entry(row.nid, row.room_nid, words[:MOST_WORDS]) if words else None


def _redacted_by(redactions: Sequence[EventRow]) -> list[int]:
    """The nids of the events that the redactions have taken away."""
    by_target = {events.parse(row).redacts or "": row.nid for row in redactions}
    targets = events.rows_by_id(by_target)
    return [row.nid for row in targets.values() if row.redacted_by_nid is not None]
