"""Events that come again: whether one is what is stored with its ID, and which of both is whole."""

from __future__ import annotations

from matrix_app.protocol.events import Event
from matrix_app.protocol.hashes import check_content_hash, reference_hash
from matrix_app.storage import events, rooms
from matrix_app.storage.events import EventRow


def is_same(row: EventRow, event: Event) -> bool:
    """Whether an event is the one that is stored with its ID, which servers choose in versions 1 and 2."""
    if event.rules.event_id_format != "domain":
        return True
    rules = rooms.room_version_of(row.room_nid)
    return reference_hash(events.parse(row).pdu, rules) == reference_hash(event.pdu, event.rules)


def event_to_store(row: EventRow | None, event: Event) -> Event | None:
    """The event that gets a place in a room's history, where `row` is what is stored with its ID.

    None where it has its place already, or where another event has its ID.
    """
    if row is None:
        return event
    return _whole(row, event) if row.is_outlier and is_same(row, event) else None


def _whole(row: EventRow, event: Event) -> Event:
    """The event as it is stored or as it has come, whichever has the content that its sender hashed.

    Where the hash is wrong, "it is assumed that this is because we have only been given a redacted version of
    the event" ("Validating hashes and signatures on received events"): another server may have given all.
    """
    stored = events.parse(row)
    if check_content_hash(event.pdu) or not check_content_hash(stored.pdu):
        return event
    found = Event(stored.pdu, event.event_id, event.rules)
    found.is_unauthorised = event.is_unauthorised
    return found
