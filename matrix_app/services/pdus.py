"""Stored events as other servers get them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.redaction import redact
from matrix_app.storage import events, rooms
from matrix_app.storage.events import EventRow

# So many events are in memory at a time where all of a big room is sent.
BATCH = 200


def pdu_of(row: EventRow) -> bytes:
    """The event as it was signed, or without its content once it has been redacted."""
    if row.redacted_by_nid is None:
        return bytes(row.json)
    rules = rooms.room_version_of(row.room_nid)
    return encode_canonical(redact(events.parse(row).pdu, rules), lenient=True)


def pdus_of(nids: Sequence[int]) -> Iterator[bytes]:
    """The events in the order of their nids, read a batch at a time."""
    for start in range(0, len(nids), BATCH):
        part = nids[start : start + BATCH]
        texts = events.json_by_nid(part)
        redacted = [nid for nid, text in texts.items() if text is None]
        rows = events.rows_by_nid(redacted) if redacted else {}
        for nid in part:
            text = texts.get(nid)
            if text is not None:
                yield bytes(text)
            elif nid in rows:
                yield pdu_of(rows[nid])
