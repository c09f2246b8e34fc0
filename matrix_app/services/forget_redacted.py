"""Removing the content of events that were redacted some time ago."""

from __future__ import annotations

from typing import Final

from appliance.config import get_config
from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.events import Event
from matrix_app.protocol.redaction import redact
from matrix_app.services.clean_up import HOUR_MS, in_batches
from matrix_app.storage import events, redacted_content
from matrix_app.storage.clock import now_ms
from matrix_app.storage.events import EventRow

BATCH: Final = 200
MOST_BATCHES: Final = 500


def forget_redacted() -> int:
    """Leave of events no more than their redaction does, when moderators had their time; how many.

    One call does a bounded number of them, in short transactions; what is left, the next one does.
    """
    before = now_ms() - get_config().retention.deleted_content_days * 24 * HOUR_MS
    return in_batches(lambda: _forget_some(before), BATCH, MOST_BATCHES)


def _forget_some(before: int) -> int:
    nids = redacted_content.since(before, BATCH)
    for row in events.rows_by_nid(nids).values():
        _forget(row)
    if nids:
        redacted_content.forget(nids)
    return len(nids)


def _forget(row: EventRow) -> None:
    event = events.parse(row)
    left = Event(redact(event.pdu, event.rules), event.event_id, event.rules, rejected=event.rejected)
    events.set_json(row.nid, left, encode_canonical(left.pdu, lenient=True))
