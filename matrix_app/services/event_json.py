"""The JSON of events as clients see them: the part that is the same for everybody, and its splicing.

That part depends on nothing that changes, so it is kept; what is the viewer's own goes into
`unsigned`, which is written behind it.
"""

from __future__ import annotations

from matrix_app.protocol.canonical_json import encode_canonical
from matrix_app.protocol.client_event import client_event_bytes
from matrix_app.protocol.redaction import redact, redact_content
from matrix_app.storage import db, events, rooms
from matrix_app.storage.cache import ByteCache
from matrix_app.storage.events import EventRow

_CACHED_BYTES = 8 << 20

# (nid, by what it was redacted, with its room ID) -> the event without `unsigned` and its last brace.
_bodies: ByteCache[tuple[int, int | None, bool], bytes] = ByteCache("client_events", _CACHED_BYTES)


def event_body(row: EventRow, include_room_id: bool) -> bytes:
    """The event's JSON without `unsigned`, and without the brace at its end."""
    key = (row.nid, row.redacted_by_nid, include_room_id)
    body = _bodies.get(key)
    if body is None:
        made = body = _make(row, include_room_id)
        db.on_commit(lambda: _bodies.put(key, made, len(made) + 150))
    return body


def event_content(row: EventRow) -> bytes:
    """The JSON of the event's content alone."""
    content = events.parse(row).content
    if row.redacted_by_nid is not None:
        content = redact_content(row.type, content, rooms.room_version_of(row.room_nid))
    return encode_canonical(content, lenient=True)


def with_unsigned(body: bytes, age: int, entries: bytes) -> bytes:
    """The whole event; `entries` are those of `unsigned` behind `age`, each with a comma before it."""
    return b'%b,"unsigned":{"age":%d%b}}' % (body, age, entries)


def _make(row: EventRow, include_room_id: bool) -> bytes:
    room = rooms.by_nid(row.room_nid)
    pdu = bytes(row.json)
    if row.redacted_by_nid is not None:
        pdu = encode_canonical(redact(events.parse(row).pdu, room.rules), lenient=True)
    return client_event_bytes(pdu, row.event_id, room.room_id if include_room_id else None, None)[:-1]
