"""Keeping the full-text index: a little at a time, from where it stands, behind the events themselves.

Sending a message does no work for it. Who searches brings it up to date as far as a bound allows, and a
background task does the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from matrix_app.protocol.canonical_json import decode_json
from matrix_app.protocol.search_words import MOST_WORDS, searched_texts, words_of
from matrix_app.storage import events, search_index
from matrix_app.storage.events import EventRow, Status
from matrix_app.storage.pace import Pace
from matrix_app.storage.search_index import Entry

# So many events are stored in one transaction: some milliseconds, for which others wait.
_BATCH: Final = 100
_TYPES: Final = frozenset({"m.room.message", "m.room.name", "m.room.topic"})


def index_pending(most: int = 2000) -> bool:
    """Index events that have come since the last time; whether some may still be waiting.

    They are read before each transaction, and there is time for others between two.
    """
    pace = Pace("event_search")
    for _ in range(0, most, _BATCH):
        seen = search_index.progress()
        rows = search_index.events_after(seen, _BATCH)
        if not rows:
            return False
        batch = _Batch(rows)
        with pace.write():
            # Another process may have been here meanwhile.
            if search_index.lock_progress() == seen:
                batch.store()
        if len(rows) < _BATCH:
            return False
    return True


class _Batch:
    """Events as they came, with what there is to index of them."""

    def __init__(self, rows: Sequence[EventRow]) -> None:
        self._last = rows[-1].nid
        self._entries = [entry for row in rows if (entry := _entry(row)) is not None]
        self._redactions = [
            row for row in rows if row.type == "m.room.redaction" and row.status == Status.NORMAL
        ]

    def store(self) -> None:
        """Index them, in a write transaction."""
        search_index.add(self._entries)
        if self._redactions:
            search_index.remove(_redacted_by(self._redactions))
        search_index.set_progress(self._last)


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
